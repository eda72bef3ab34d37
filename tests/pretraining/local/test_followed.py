"""What is seen from outside of a training in several processes."""

import json
import math
from pathlib import Path

import pytest

from alignment_pretraining.execution.torchrun import last_row
from alignment_pretraining.pretraining.local.followed import CURVE, Followed

ROW = {"step": 1, "tokens": 1_024, "loss": 6.25, "lr": 0.001, "grad_norm": 1.5, "heldout_loss": math.nan}


@pytest.fixture(autouse=True)
def _of_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)


def _rows(work: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (work / CURVE).read_text().splitlines()]


def test_a_training_that_goes_on_makes_the_steps_after_its_save_again(tmp_path: Path) -> None:
    followed = Followed(tmp_path, "cpt", steps=9)
    followed.begin([])
    for step in range(1, 6):
        followed.add({**ROW, "step": step})
    again = Followed(tmp_path, "cpt", steps=9)
    again.begin([{**ROW, "step": step} for step in (1, 2, 3)])
    again.add({**ROW, "step": 4, "loss": 5.5})
    assert [(row["step"], row["loss"]) for row in _rows(tmp_path)] == [(1, 6.25), (2, 6.25), (3, 6.25), (4, 5.5)]


def test_the_newest_step_is_read_while_a_training_runs(tmp_path: Path) -> None:
    followed = Followed(tmp_path / "work", "cpt", steps=9)
    followed.begin([])
    assert last_row(tmp_path / "work" / CURVE) is None
    followed.add(ROW)
    row = last_row(tmp_path / "work" / CURVE)
    assert row and row["loss"] == 6.25 and math.isnan(row["heldout_loss"])


def test_mlflow_has_no_figure_that_is_no_number_and_knows_the_last_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[dict[str, float], bool]] = []
    monkeypatch.setattr(
        "alignment_pretraining.execution.live.LiveMetrics.add", lambda self, row, last: sent.append((row, last))
    )
    followed = Followed(tmp_path, "cpt", steps=2)
    followed.begin([])
    followed.add(ROW)
    followed.add({**ROW, "step": 2, "heldout_loss": 5.0, "grad_norm": math.inf})
    assert [sorted(row) for row, _ in sent] == [
        ["grad_norm", "loss", "lr", "step", "tokens"],
        ["heldout_loss", "loss", "lr", "step", "tokens"],
    ]
    assert [last for _, last in sent] == [False, True]


def test_it_is_asked_to_leave_by_a_file_in_its_folder(tmp_path: Path) -> None:
    followed = Followed(tmp_path, "cpt", steps=9)
    assert not followed.is_asked_to_leave()
    (tmp_path / "stop").touch()
    assert followed.is_asked_to_leave()
