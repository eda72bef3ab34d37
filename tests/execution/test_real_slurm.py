"""Slurm itself takes our jobs, and what it does to them is survived."""

import sys
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Execution
from tests.execution.counting import times_done
from tests.execution.test_slurm import run_squares, run_twice, start_squares, wait_until
from tests.real_slurm import fail_the_machine, jobs


@pytest.fixture
def execution(real_slurm: Path) -> Execution:
    """By the Slurm of the tests."""
    settings = {"time": "00:05:00", "python": sys.executable, "poll_seconds": 0.2}
    return Execution.model_validate({"launcher": "slurm", "slurm": settings})


def test_a_killed_run_finds_its_array(tmp_path: Path, execution: Execution) -> None:
    values = [1, 4.5, 2, 3]
    before = jobs()
    assert run_twice(tmp_path, values, execution, 4.5) == [1, 4, 2, 3]
    assert [times_done(tmp_path / "notes", value) for value in values] == [1] * 4
    assert len(jobs() - before) == 1


def test_a_machine_that_fails_costs_what_it_was_doing(tmp_path: Path, execution: Execution) -> None:
    """Slurm requeues the task under its own number: nothing is submitted again."""
    (tmp_path / "notes").mkdir()
    before = jobs()
    run = start_squares(tmp_path, [1, 5.5], execution)
    wait_until(lambda: times_done(tmp_path / "notes", 5.5))
    fail_the_machine()
    assert run.wait(200) == 0
    assert run_squares(tmp_path, [1, 5.5], execution) == [1, 5]
    assert times_done(tmp_path / "notes", 5.5) == 2
    assert len(jobs() - before) == 1


def test_a_refusal_is_told_in_its_words(tmp_path: Path, execution: Execution) -> None:
    assert execution.slurm
    elsewhere = execution.model_copy(update={"slurm": execution.slurm.model_copy(update={"partition": "nowhere"})})
    with pytest.raises(UserError, match=r"(?s)squares: Slurm took no job: .*invalid partition.*jobs/job\.sh"):
        run_squares(tmp_path, [1], elsewhere)
