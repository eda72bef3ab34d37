"""The stand-in for Slurm's commands: jobs run one after the other, and their states are files."""

import os
import subprocess
from pathlib import Path

import pytest

from alignment_pretraining.planning.stand_ins import slurm

Shown = pytest.CaptureFixture[str]


def queue(state: Path, *arguments: str, capsys: Shown) -> list[str]:
    slurm.squeue(state, list(arguments))
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A queue with two jobs of a name, and one of another."""
    folder = tmp_path / "state"
    folder.mkdir()
    for name, held in {
        "11_0": "words COMPLETED",
        "11_1": "words FAILED",
        "11_2": "words RUNNING",
        "12_0": "words PENDING",
        "13_0": "other RUNNING",
    }.items():
        (folder / name).write_text(held)
    (folder / "11.sh").write_text("echo hello")
    return folder


def test_jobs_of_a_name_are_listed_while_they_wait_or_run(state: Path, capsys: Shown) -> None:
    assert queue(state, "--name=words", "--noheader", capsys=capsys) == ["11 RUNNING", "12 PENDING"]
    assert queue(state, "--name=none", capsys=capsys) == []


def test_the_last_states_of_a_job_are_listed_where_states_are_asked_for(state: Path, capsys: Shown) -> None:
    assert queue(state, "--jobs=11", capsys=capsys) == ["11 RUNNING"]
    assert queue(state, "--jobs=11", "--states=all", capsys=capsys) == ["11 COMPLETED", "11 FAILED", "11 RUNNING"]


def test_every_task_of_a_job_runs_in_turn_with_its_number_and_a_log_of_its_own(tmp_path: Path) -> None:
    state, out = tmp_path / "state", tmp_path / "out.txt"
    state.mkdir()
    states = f'cat "{state}"/7_* >> "{out}"; echo >> "{out}"'
    (state / "7.sh").write_text(
        f'echo "task $SLURM_ARRAY_TASK_ID of $SLURM_JOB_ID"\n{states}\n[ $SLURM_ARRAY_TASK_ID != 1 ]\n'
    )
    for task in range(3):
        (state / f"7_{task}").write_text("mine PENDING")
    slurm.run_job(state, ["7", "3", str(tmp_path / "log.%A_%a")])
    assert [(state / f"7_{task}").read_text() for task in range(3)] == [
        "mine COMPLETED",
        "mine FAILED",
        "mine COMPLETED",
    ]
    assert [(tmp_path / f"log.7_{task}").read_text() for task in range(3)] == [f"task {n} of 7\n" for n in range(3)]
    assert out.read_text().splitlines()[0] == "mine RUNNINGmine PENDINGmine PENDING"


def test_a_submitted_array_has_a_state_for_each_task_and_the_script_that_was_submitted(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: begun.append(command))
    script, state = tmp_path / "job.sh", tmp_path / "state"
    state.mkdir()
    head = "#!/bin/bash\n#SBATCH --job-name=words\n#SBATCH --array=0-2\n"
    script.write_text(f"{head}#SBATCH --output='{tmp_path}/a folder/log'\necho hello\n")
    slurm.sbatch(state, ["--parsable", str(script)])
    job = capsys.readouterr().out.strip()
    assert job == str(os.getpid())
    assert sorted(path.name for path in state.iterdir()) == [f"{job}.sh", *(f"{job}_{task}" for task in range(3))]
    assert (state / f"{job}_2").read_text() == "words PENDING"
    assert (state / f"{job}.sh").read_text() == script.read_text()
    assert begun[0][-3:] == [job, "3", f"{tmp_path}/a folder/log"]


def test_the_commands_are_found_on_the_path_and_can_be_broken(tmp_path: Path) -> None:
    folder = slurm.install(tmp_path / "with a space")
    env = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def call(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert call("scontrol", "show", "hostnames", "any").stdout == "localhost\n"
    assert call("srun", "--kill-on-bad-exit=1", "--cpus-per-task=2", "echo", "a b", "--c").stdout == "a b --c\n"
    (folder / "state/broken-squeue").write_text("slurm_load_jobs error: Unable to contact slurm controller")
    done = call("squeue", "--name=any")
    assert done.returncode == 1 and "Unable to contact" in done.stderr
