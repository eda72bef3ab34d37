"""Saves are copied from a machine's disk while the rank that copies them does something else."""

import threading
from pathlib import Path

import pytest

from alignment_pretraining.pretraining.nanotron import staging
from alignment_pretraining.pretraining.nanotron.staging import StagedSaves


def _save(folder: Path, step: int, part: str) -> None:
    (folder / str(step) / "model").mkdir(parents=True)
    (folder / str(step) / "model" / part).write_text(f"weights of {part} at {step}")


def test_a_save_is_put_together_from_all_machines_while_they_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_disk = threading.Event()
    monkeypatch.setattr(staging, "flush", lambda folder: slow_disk.wait(60))
    machines = {name: StagedSaves(tmp_path / name, tmp_path / "shared") for name in ("a", "b")}
    for name, saves in machines.items():
        _save(tmp_path / name, 6, name)
        saves.start(6)
        assert not saves.done()
    slow_disk.set()
    for saves in machines.values():
        saves.wait()
        assert saves.done()
    found = {path.name: path.read_text() for path in (tmp_path / "shared/6/model").iterdir()}
    assert found == {name: f"weights of {name} at 6" for name in machines}
    assert not any((tmp_path / name / "6").exists() for name in machines), "a machine's disk holds one save"


def test_what_a_killed_job_left_on_the_disk_is_gone(tmp_path: Path) -> None:
    _save(tmp_path / "disk", 6, "a")
    StagedSaves(tmp_path / "disk", tmp_path / "shared")
    assert not (tmp_path / "disk/6").exists()


def test_what_cannot_be_copied_stops_the_training(tmp_path: Path) -> None:
    saves = StagedSaves(tmp_path / "disk", tmp_path / "shared")
    (tmp_path / "shared").write_text("no folder")
    _save(tmp_path / "disk", 6, "a")
    saves.start(6)
    with pytest.raises(OSError, match="shared"):
        saves.wait()


def test_a_rank_that_copies_nothing_never_waits(tmp_path: Path) -> None:
    saves = StagedSaves(None, tmp_path / "shared")
    saves.start(6)
    assert saves.done()
    saves.wait()
