"""A question suite and a tiny random checkpoint, made on the spot."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.english import english
from tests.evaluation.tiny_checkpoint import make_questions, save_checkpoint


@pytest.fixture(scope="session")
def questions() -> pd.DataFrame:
    return make_questions()


@pytest.fixture
def config() -> dict[str, Any]:
    """The shipped `evaluation` parameters at a size for tests."""
    config: dict[str, Any] = english("evaluation")
    config["run"]["items"] = {"articles": 6, "textbook": 4}
    config["run"]["chat_personas"] = ["none", "hhh"]
    config["batch_size"] = 8
    return config


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with a byte-level BPE tokenizer and a chat template, context 256."""
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder, hidden_size=32, layers=2, vocab_size=512, context=256)
    return folder
