"""Whatever library meets a full disk, and in whatever process, the user is told that it is full."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save

from alignment_pretraining.core.errors import disk_full
from alignment_pretraining.execution.workers import run_in_worker

FULL = Path("/dev/full")  # every write to it fails as on a full disk


def _torch() -> None:
    with FULL.open("wb") as stream:
        torch.save({"weights": torch.zeros(100_000)}, stream)


def _safetensors() -> None:
    FULL.write_bytes(save({"weights": torch.zeros(100_000)}))


def _numpy() -> None:
    np.zeros(100_000).tofile(FULL)


def _parquet() -> None:
    pd.DataFrame({"a": range(100_000)}).to_parquet(FULL)


def _text() -> None:
    FULL.write_text("a" * 100_000)


def _sqlite() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("INSERT INTO t VALUES (?)", ("a" * 100_000,))


@pytest.mark.parametrize("write", [_torch, _safetensors, _numpy, _parquet, _text, _sqlite])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_full_disk_is_told(write: Callable[[], None], elsewhere: bool) -> None:
    with pytest.raises(Exception) as raised:
        run_in_worker(write) if elsewhere else write()
    assert "the disk is full" in (disk_full(raised.value) or "")


@pytest.mark.parametrize("error", [ValueError("a fault"), OSError(2, "No such file"), RuntimeError()])
def test_other_errors_are_not_called_that(error: Any) -> None:
    assert disk_full(error) is None
