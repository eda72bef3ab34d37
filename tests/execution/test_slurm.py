"""A job is submitted once for its folder, followed to its end, and refused with Slurm's own words."""

import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm as execution_slurm
from alignment_pretraining.execution.config import Execution, Slurm, limit_seconds
from alignment_pretraining.execution.slurm import Job, job_name, script_text
from alignment_pretraining.execution.slurm import run as slurm_run
from alignment_pretraining.execution.store import task_fingerprint
from alignment_pretraining.execution.tasks import run_tasks
from tests.execution.counting import square, times_done


def run_squares(folder: Path, values: list[Any], execution: Execution) -> list[int]:
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    tasks = [(task_fingerprint(square, value), (notes, value)) for value in values]
    return [task.told["root"] for task in run_tasks("squares", square, tasks, folder, execution)]


def _changed(execution: Execution, **changes: Any) -> Execution:
    assert execution.slurm is not None
    return Execution(launcher="slurm", slurm=execution.slurm.model_copy(update=changes))


def start_squares(folder: Path, values: list[Any], execution: Execution) -> subprocess.Popen[bytes]:
    """The same run in a process of its own, to be killed."""
    program = (
        "import sys; from pathlib import Path; from tests.execution.test_slurm import Execution, run_squares\n"
        f"execution = Execution.model_validate_json({execution.model_dump_json()!r})\n"
        f"run_squares(Path({str(folder)!r}), {values}, execution)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)


def run_twice(folder: Path, values: list[Any], execution: Execution, sleeper: float) -> list[int]:
    """The results of a second run, after a first one that is killed while `sleeper` of the values is done."""
    (folder / "notes").mkdir()
    run = start_squares(folder, values, execution)
    wait_until(lambda: times_done(folder / "notes", sleeper))
    run.send_signal(signal.SIGKILL)
    run.wait()
    return run_squares(folder, values, execution)


def wait_until(until: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_run_costs_nothing_because_its_array_is_found_in_the_queue(tmp_path: Path, slurm: Execution) -> None:
    values = [1, 2.5, 2, 3]
    assert run_twice(tmp_path, values, slurm, 2.5) == [1, 2, 2, 3]
    assert [times_done(tmp_path / "notes", value) for value in values] == [1] * 4


def test_a_run_killed_as_it_submits_leaves_one_job(tmp_path: Path, stand_in: Path, slurm: Execution) -> None:
    (tmp_path / "notes").mkdir()
    run = start_squares(tmp_path, [0.5, 1, 2], slurm)
    wait_until(lambda: list(stand_in.glob("*.sh")))
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run_squares(tmp_path, [0.5, 1, 2], slurm) == [0, 1, 2]
    assert len(list(stand_in.glob("*.sh"))) == 1


def test_a_job_does_several_tasks_where_an_array_is_too_small(tmp_path: Path, slurm: Execution) -> None:
    assert run_squares(tmp_path, [*range(7)], _changed(slurm, max_array_size=2)) == [*range(7)]
    logs = tmp_path / "tasks" / "squares" / "jobs" / "logs"
    assert len(list(logs.iterdir())) == 2


def test_what_slurm_refuses_is_told_in_its_words(tmp_path: Path, stand_in: Path, slurm: Execution) -> None:
    (stand_in / "broken-sbatch").write_text("sbatch: error: invalid partition specified: cpu")
    with pytest.raises(UserError, match=r"squares: Slurm took no job: .*partition specified: cpu\n.*jobs/job\.sh"):
        run_squares(tmp_path, [1], slurm)


def test_where_the_queue_cannot_be_read_nothing_is_submitted(tmp_path: Path, stand_in: Path, slurm: Execution) -> None:
    (stand_in / "broken-squeue").write_text("squeue: error: Unable to contact slurm controller")
    with pytest.raises(UserError, match=r"squeue failed: .*Unable to contact slurm controller; run again to go on"):
        run_squares(tmp_path, [1], slurm)
    assert not list(stand_in.glob("*.sh"))


def test_a_controller_that_is_away_for_a_while_ends_no_run(
    tmp_path: Path, stand_in: Path, slurm: Execution, caplog: pytest.LogCaptureFixture
) -> None:
    def break_and_mend() -> None:
        wait_until(lambda: "1 RUNNING, 1 PENDING" in caplog.text)
        (stand_in / "broken-squeue").write_text("squeue: error: Unable to contact slurm controller")
        wait_until(lambda: "Unable to contact slurm controller" in caplog.text)
        (stand_in / "broken-squeue").unlink()

    mender = threading.Thread(target=break_and_mend, daemon=True)
    mender.start()
    with caplog.at_level(logging.INFO):
        assert run_squares(tmp_path, [2.5, 3], slurm) == [2, 3]
    assert "Unable to contact slurm controller" in caplog.text


def test_a_job_that_may_be_requeued_is_waited_for_and_not_submitted_again(
    tmp_path: Path, stand_in: Path, slurm: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine failed, or another took its place: it comes back under its own name, or is given up after a while."""
    assert slurm.slurm is not None
    job = Job(
        "stage", tmp_path, slurm.slurm.model_copy(update={"poll_seconds": 0.05}), {"output": "/dev/null"}, ["true"]
    )
    task = stand_in / "7_0"
    task.write_text(f"{job.name} NODE_FAIL")
    for state in ("REQUEUED", "SUSPENDED", "PREEMPTED", "RUNNING", "COMPLETED"):
        threading.Timer(0.2, task.write_text, [f"{job.name} {state}"]).start()
        if state == "COMPLETED":
            assert slurm_run(job) == {"COMPLETED": 1}
        else:
            wait_until(lambda state=state: task.read_text().endswith(state))  # type: ignore[misc]
    assert not list(stand_in.glob("*.sh")), "followed, and never submitted"
    task.write_text(f"{job.name} PREEMPTED")
    monkeypatch.setattr(execution_slurm, "_REQUEUE_SECONDS", 0.2)
    assert slurm_run(job) == {"PREEMPTED": 1}


def test_without_slurm_the_missing_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    execution = Execution(launcher="slurm", slurm=Slurm(time="1:00:00"))
    with pytest.raises(UserError, match=r"launcher is slurm, and squeue cannot be run here"):
        run_squares(tmp_path, [1], execution)


def test_the_script_asks_for_what_is_configured_under_a_name_of_its_folder(tmp_path: Path) -> None:
    slurm = Slurm(
        time="1:00:00",
        partition="cpu",
        cpus_per_task=2,
        mem_per_cpu_gb=8,
        directives={"job-name": "mine", "comment": "two words", "open-mode": "truncate"},
        modules=["python"],
        setup=["source .venv/bin/activate"],
    )
    job = Job("mix, a", tmp_path, slurm, {"open-mode": "append", "requeue": None}, ["true"])
    assert job.name == job_name("mix, a", tmp_path) != job_name("mix, a", tmp_path / "other")
    directives, rest = script_text(job).split("\n\n")
    assert directives.splitlines() == [
        "#!/bin/bash",
        "#SBATCH --time=1:00:00",
        "#SBATCH --partition=cpu",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --mem-per-cpu=8G",
        "#SBATCH --open-mode=truncate",
        "#SBATCH --requeue",
        f"#SBATCH --job-name={job.name}",
        "#SBATCH --comment='two words'",
    ]
    assert job.name.startswith("mix--a.")
    assert rest.splitlines()[:3] == ["set -eo pipefail", "module load python", "source .venv/bin/activate"]
    subprocess.run(["bash", "-n"], input=rest, text=True, check=True, env=os.environ)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 5_400),
        ("90:30", 5_430),
        ("24:00:00", 86_400),
        ("2-12", 216_000),
        ("1-00:30", 88_200),
        ("1-00:30:05", 88_205),
        ("UNLIMITED", math.inf),
        ("0", math.inf),
        ("00:00:00", math.inf),
    ],
)
def test_a_time_limit_is_what_slurm_takes_it_for(time: str, seconds: float) -> None:
    assert limit_seconds(time) == seconds


@pytest.mark.parametrize("time", ["", "24h", "1:2:3:4", "a day", "-5"])
def test_what_slurm_would_not_take_for_a_time_limit_is_refused(time: str) -> None:
    with pytest.raises(ValidationError, match="is no time limit of Slurm: write hours:minutes:seconds"):
        Slurm(time=time)
