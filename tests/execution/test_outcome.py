"""What a training leaves is what the run that started it reads, to the last digit."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.execution.outcome import is_finished, leave_outcome, read_outcome

CELL = st.floats(width=64) | st.just(math.nan)
ROWS = st.lists(st.fixed_dictionaries({"step": st.integers(1, 10**12), "loss": CELL, "heldout_loss": CELL}), min_size=1)


def _work(folder: Path) -> Path:
    (folder / "checkpoint").mkdir()
    return folder


@settings(max_examples=50)
@given(rows=ROWS, speed=st.lists(st.fixed_dictionaries({"tokens_per_second": st.floats(0, 1e12)}), max_size=3))
def test_curve_speed_and_summary_come_back_as_they_were(
    rows: list[dict[str, float]], speed: list[dict[str, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    work = _work(tmp_path_factory.mktemp("work"))
    curve = pd.DataFrame(rows)
    curve.attrs["speed"] = speed
    summary: dict[str, Any] = {"stage": "cpt", "final_loss": rows[0]["step"] / 3, "samples": {"4": "Die KI — ‽\n\0"}}
    leave_outcome((work / "checkpoint", curve, summary), work)
    folder, found, told = read_outcome(work)
    pd.testing.assert_frame_equal(found, curve, check_exact=True)
    assert (folder, found.attrs["speed"], told) == (work / "checkpoint", speed, summary)


def test_a_training_is_finished_while_both_its_result_and_its_checkpoint_are_there(tmp_path: Path) -> None:
    work = _work(tmp_path)
    assert not is_finished(work), "no result"
    leave_outcome((work / "checkpoint", pd.DataFrame({"step": [1]}), {}), work)
    assert is_finished(work)
    (work / "checkpoint").rename(work / "output")
    assert not is_finished(work), "a node has taken the checkpoint"
    (work / "checkpoint").write_text("no folder")
    assert not is_finished(work)


def test_a_process_that_is_killed_as_it_writes_leaves_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = _work(tmp_path)

    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        leave_outcome((work / "checkpoint", pd.DataFrame({"step": [1]}), {}), work)
    assert not is_finished(work)
