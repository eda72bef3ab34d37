"""Fixtures shared by all tests."""

from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def project() -> Path:
    """Root of this repository."""
    return PROJECT


@pytest.fixture
def study_config() -> dict[str, Any]:
    """The default study as it stands in `conf/base/study.yml`."""
    study: dict[str, Any] = yaml.safe_load((PROJECT / "conf/base/study.yml").read_text())["study"]
    return study
