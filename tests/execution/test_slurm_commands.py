"""What Slurm's commands answer is understood, and what is asked of them is quoted."""

import os
import shlex
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.slurm import Job, describe, job_name, run, script_text, srun_python

SETTINGS = Slurm(time="1:00:00", poll_seconds=0.01)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for commands of the test, first on the path."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    return folder


def _command(folder: Path, name: str, lines: str) -> None:
    (folder / name).write_text(f'#!/bin/sh\ncd "$(dirname "$0")"\necho "$@" >> {name}.asked\n{lines}\n')
    (folder / name).chmod(0o700)


def _job(folder: Path, settings: Slurm = SETTINGS) -> Job:
    return Job("stage", folder, settings, {"output": "/dev/null"}, ["true"])


def test_the_end_of_a_job_is_asked_by_the_number_that_sbatch_gave_it(commands: Path, tmp_path: Path) -> None:
    """On a cluster of several, sbatch says its name too."""
    _command(commands, "sbatch", "echo '4711;alpha'")
    _command(commands, "squeue", 'case "$*" in *--jobs=4711) printf "4711 COMPLETED\\n4711 TIMEOUT\\n";; esac')
    assert run(_job(tmp_path)) == {"COMPLETED": 1, "TIMEOUT": 1}
    assert (commands / "sbatch.asked").read_text() == f"--parsable {tmp_path / 'job.sh'}\n"
    assert (tmp_path / "job.sh").read_text() == script_text(_job(tmp_path))


def test_a_job_that_slurm_has_forgotten_ended_in_an_unknown_way(commands: Path, tmp_path: Path) -> None:
    _command(commands, "sbatch", "echo 4711")
    _command(commands, "squeue", 'case "$*" in *--jobs=*) echo "Invalid job id" >&2; exit 1;; esac')
    assert run(_job(tmp_path)) == {}


def test_of_jobs_of_one_name_the_newest_is_followed(commands: Path, tmp_path: Path) -> None:
    job = _job(tmp_path)
    _command(
        commands,
        "squeue",
        f"""case "$*" in
*--name={job.name}) [ -e asked ] || printf "41 FAILED\\n41 RUNNING\\n42 PENDING\\n"; touch asked;;
*--jobs=42) echo "42 COMPLETED";; esac""",
    )
    assert run(job) == {"COMPLETED": 1}


def test_what_a_job_does_is_told_where_it_changes(
    commands: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    steps = iter(["", "step 1", "step 1", "step 2", "step 2"])
    _command(commands, "sbatch", "echo 7")
    _command(
        commands,
        "squeue",
        """echo >> count
case $(wc -l < count) in 1|7|8) ;; *) echo "7 RUNNING";; esac""",
    )
    caplog.set_level("INFO")
    job = _job(tmp_path)
    run(job, lambda: next(steps))
    told = [message.removeprefix(f"{job.name}: Slurm job 7: ") for message in caplog.messages]
    assert told == ["RUNNING", "RUNNING, step 1", "RUNNING, step 2"]


def test_a_queue_that_stays_away_ends_the_run_and_not_the_job(
    commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "_PATIENCE", 3)
    _command(commands, "sbatch", "echo 7")
    _command(commands, "squeue", "[ -e asked ] && { echo 'socket timed out' >&2; exit 1; }; touch asked")
    with pytest.raises(UserError, match="squeue failed: socket timed out; run again to go on"):
        run(_job(tmp_path))
    assert (commands / "squeue.asked").read_text().count("\n") == 1 + 3 + 1


def test_no_sbatch_beside_squeue_is_told(commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _command(commands, "squeue", "")
    monkeypatch.setenv("PATH", str(commands))
    (commands / "dirname").symlink_to("/usr/bin/dirname")
    with pytest.raises(UserError, match=r"stage: launcher is slurm, and sbatch cannot be run here \(.*sbatch"):
        run(_job(tmp_path))


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({}, ""),
        ({"TIMEOUT": 1}, "TIMEOUT"),
        ({"COMPLETED": 3, "TIMEOUT": 1}, "3 COMPLETED, 1 TIMEOUT"),
        ({"FAILED": 2}, "2 FAILED"),
    ],
)
def test_how_tasks_ended_in_words(states: dict[str, int], told: str) -> None:
    assert describe(Counter(states)) == told


@given(label=st.text(min_size=1, max_size=30), folder=st.text(alphabet="abc", min_size=1, max_size=5))
def test_a_name_in_the_queue_is_of_plain_letters_and_of_its_folder_alone(label: str, folder: str) -> None:
    name = job_name(label, Path("/scratch") / folder)
    assert name.isascii() and not set(name) & set(" \t\n,;'\"$/\\")
    assert name == job_name(label, Path("/scratch") / "x" / ".." / folder)
    assert name != job_name(label, Path("/scratch") / f"{folder}.")


@given(value=st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_the_value_of_a_directive_is_one_word(value: str) -> None:
    settings = SETTINGS.model_copy(update={"directives": {"comment": value}})
    (line,) = [line for line in script_text(_job(Path("/x"), settings)).splitlines() if "--comment" in line]
    assert shlex.split(line.removeprefix("#SBATCH ")) == [f"--comment={value}"]


def test_what_is_left_to_the_cluster_is_not_asked_for(tmp_path: Path) -> None:
    directives = script_text(_job(tmp_path)).split("\n\n")[0]
    assert [line.partition("=")[0] for line in directives.splitlines()[1:]] == [
        "#SBATCH --time",
        "#SBATCH --output",
        "#SBATCH --job-name",
    ]


@pytest.mark.parametrize(
    ("container", "cpus", "expected"),
    [
        (None, None, ["--kill-on-bad-exit=1", "python"]),
        (None, "6", ["--kill-on-bad-exit=1", "--cpus-per-task=6", "python"]),
        (
            "docker://a b",
            "6",
            ["--kill-on-bad-exit=1", "--cpus-per-task=6", "--container-image=docker://a b", "python"],
        ),
    ],
)
def test_python_starts_with_the_cores_of_the_job_in_its_container(
    commands: Path, monkeypatch: pytest.MonkeyPatch, container: str | None, cpus: str | None, expected: list[str]
) -> None:

    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    if cpus:
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", cpus)
    _command(commands, "srun", 'printf "%s\\n" "$@"')
    command = srun_python(SETTINGS.model_copy(update={"container": container}))
    assert subprocess.check_output(["bash", "-c", command], text=True).splitlines() == expected
