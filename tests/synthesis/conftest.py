"""The project's own bank and phrases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.scenarios.bank import Bank, load_bank

RAW = Path(__file__).parents[2] / "data" / "01_raw"


@pytest.fixture(scope="session")
def scenarios() -> Path:
    return RAW / "scenarios"


@pytest.fixture(scope="session")
def phrases() -> Path:
    return RAW / "phrases"


@pytest.fixture(scope="session")
def bank(scenarios: Path) -> Bank:
    return load_bank(scenarios)


@pytest.fixture(scope="session")
def questions(bank: Bank) -> pd.DataFrame:
    return build_questions(bank)
