"""One job of an array does its share of the tasks, and what stops one of them stops no other."""

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.store import finished
from alignment_pretraining.execution.task_array import run_array, run_share
from tests.execution.counting import square, square_with_room, times_done

Items = dict[Path, Any]


@pytest.fixture
def items(tmp_path: Path) -> Items:
    """Seven tasks, the numbers 1 to 7, that note in a folder when they are done."""
    (tmp_path / "notes").mkdir()
    return {tmp_path / "store" / f"key{value}": (tmp_path / "notes", value) for value in range(1, 8)}


def _run_shares(monkeypatch: pytest.MonkeyPatch, shares: list[int]) -> list[slurm.Job]:
    """In place of Slurm, do these shares of an array here; returns the jobs that it was given."""
    jobs: list[slurm.Job] = []

    def run(job: slurm.Job) -> slurm.States:
        jobs.append(job)
        (command,) = job.lines
        for share in shares:
            run_share(job.folder, int(command.split()[-1]), share)
        return Counter(COMPLETED=len(shares))

    monkeypatch.setattr(slurm, "run", run)
    return jobs


def _done(items: Items) -> list[int]:
    return [value for target, (_, value) in items.items() if finished(target)]


@pytest.mark.parametrize(
    ("most", "share", "done"), [(3, 1, [2, 5]), (3, 0, [1, 4, 7]), (100, 6, [7]), (1, 0, [*range(1, 8)])]
)
def test_a_job_does_every_so_many_th_task(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch, most: int, share: int, done: list[int]
) -> None:
    jobs = _run_shares(monkeypatch, [share])
    ends = run_array("squares", square, items, tmp_path / "jobs", Slurm(time="1:00:00", max_array_size=most))
    assert _done(items) == done and ends == {"COMPLETED": 1}
    assert jobs[0].directives["array"] == f"0-{min(most, 7) - 1}"


def test_a_job_that_is_requeued_does_only_what_it_had_not_done(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_shares(monkeypatch, [0, 0])
    run_array("squares", square, items, tmp_path / "jobs", Slurm(time="1:00:00", max_array_size=2))
    assert [times_done(tmp_path / "notes", value) for value in (1, 3, 5, 7)] == [1] * 4


def test_what_stops_a_task_is_told_once_all_others_are_done(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    third, fifth = list(items)[2], list(items)[4]
    items[third], items[fifth] = (tmp_path / "notes", -30), (tmp_path / "notes", -50)
    _run_shares(monkeypatch, [1, 0])
    with pytest.raises(UserError, match=r"^-30 has no place here$"):
        run_array("squares", square, items, tmp_path / "jobs", Slurm(time="1:00:00", max_array_size=2))
    assert _done(items) == [1, 2, 4, 6, 7]


def test_what_stopped_a_task_is_forgotten_once_it_is_done(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job met a full disk; its machine failed, and when Slurm began it again there was room."""
    _run_shares(monkeypatch, [0, 0])
    (tmp_path / "notes/full").touch()
    run_array("squares", square_with_room, items, tmp_path / "jobs", Slurm(time="1:00:00", max_array_size=1))
    assert _done(items) == [*range(1, 8)]


def test_an_array_knows_nothing_of_the_one_before_it(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "000099.problem").write_text("of a longer array")
    _run_shares(monkeypatch, [0])
    run_array("squares", square, items, jobs, Slurm(time="1:00:00", max_array_size=1))
    assert sorted(path.name for path in jobs.iterdir()) == ["logs", "tasks.pickle"]


def test_a_job_finds_its_folder_whatever_its_name(
    tmp_path: Path, items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = _run_shares(monkeypatch, [])
    folder = tmp_path / "it's $HOME"
    run_array("squares", square, items, folder, Slurm(time="1:00:00", python="python3.11"))
    words = shlex.split(jobs[0].lines[0])
    assert words[-5:] == ["python3.11", "-m", run_share.__module__, str(folder), "7"]
