"""Whatever library meets a disk that is full or may not be written, and in whatever process, the user is told."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save

from alignment_pretraining.core.errors import storage_fault
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
    assert "the disk is full" in (storage_fault(raised.value) or "")


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Without root's right to write everywhere, when the tests have it."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the folders above may be closed to others
    tmp_path.chmod(0o555)
    writers: list[Callable[[], object]] = [
        lambda: Path("text").write_text("a"),
        lambda: pd.DataFrame({"a": [1]}).to_parquet("table.parquet"),
        lambda: torch.save({}, "weights.pt"),
    ]
    for write in writers:
        with pytest.raises(Exception) as raised, _as_nobody():
            write()
        assert "give yourself access" in (storage_fault(raised.value) or ""), raised.value


def test_a_database_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "made.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection = sqlite3.connect(f"file:{tmp_path}/made.db?mode=ro", uri=True)
    with pytest.raises(sqlite3.Error) as raised:
        connection.execute("INSERT INTO t VALUES (1)")
    assert "give yourself access" in (storage_fault(raised.value) or "")


@pytest.mark.parametrize("error", [ValueError("a fault"), OSError(2, "No such file"), RuntimeError()])
def test_other_errors_are_not_called_that(error: Any) -> None:
    assert storage_fault(error) is None
