"""A training's job over several machines: what its script does at its time limit, and what a run makes of its end."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.ranks import Machines, Ranks, ranks_job, stop_file, train_in_ranks
from alignment_pretraining.execution.slurm import script_text

MACHINES = Machines(Slurm(time="1:00:00"), gpus_per_node=8, notice_seconds=300, resubmissions=1)


@pytest.fixture
def ranks(tmp_path: Path) -> Ranks:
    """Sixteen ranks in a folder whose name must be quoted."""
    folder = tmp_path / "it's a stage"
    folder.mkdir()
    return Ranks("a.module", folder / "stage.json", "pretraining seed 0", "by hand", 16, MACHINES)


@pytest.mark.parametrize(
    ("processes", "nodes", "each"), [(1, 1, 1), (7, 1, 7), (8, 1, 8), (16, 2, 8), (12, 2, 6), (64, 8, 8)]
)
def test_every_process_has_a_gpu_on_machines_that_are_alike(
    ranks: Ranks, processes: int, nodes: int, each: int
) -> None:
    some = replace(ranks, processes=processes)
    script = script_text(ranks_job(some))
    assert some.nodes == nodes
    for words in (f"--nodes={nodes}\n", f"--gpus-per-node={each}\n", "--ntasks-per-node=1\n"):
        assert f"#SBATCH {words}" in script
    assert f"--nnodes={nodes} --nproc-per-node={each} " in script


def test_without_machines_ranks_are_on_this_one(ranks: Ranks) -> None:
    assert replace(ranks, machines=None).nodes == 1


def test_slurm_gives_notice_before_the_end_to_the_script_alone_and_runs_one_job_of_a_name(ranks: Ranks) -> None:
    directives = re.findall(r"^#SBATCH --(\S+)", script_text(ranks_job(ranks)), re.MULTILINE)
    assert {"signal=B:USR1@300", "dependency=singleton", "requeue", "open-mode=append"} <= set(directives)


def _run_script(ranks: Ranks, rank: str) -> subprocess.CompletedProcess[str]:
    """Run the job's script here, where `srun` is the shell lines `rank`; what `scontrol` was asked for is printed."""
    commands = ranks.folder.parent / "commands"
    commands.mkdir()
    for name, lines in {"srun": rank, "scontrol": 'echo "scontrol $*"'}.items():
        (commands / name).write_text(f"#!/bin/sh\n{lines}\n")
        (commands / name).chmod(0o700)
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "SLURM_JOB_ID": "70007", "SLURM_JOB_NODELIST": "n[1-2]"}
    script = ["bash", "-c", script_text(ranks_job(ranks))]
    return subprocess.run(script, env=environment, capture_output=True, text=True, timeout=20, check=False)


def test_ranks_meet_on_the_first_machine_at_a_port_of_the_jobs_own(ranks: Ranks) -> None:
    done = _run_script(ranks, 'printf "<%s>\\n" "$@"')
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[-3:] == ["<-m>", "<a.module>", f"<{ranks.config}>"]
    assert "<--rdzv-endpoint=scontrol show hostnames n[1-2]:30007>" in words and "<--rdzv-id=70007>" in words


@pytest.mark.parametrize("code", [1, 137])
def test_a_job_whose_ranks_failed_fails(ranks: Ranks, code: int) -> None:
    done = _run_script(ranks, f"exit {code}")
    assert done.returncode == code and "requeue" not in done.stdout


def test_ranks_that_are_told_of_the_end_save_and_the_job_goes_back_to_the_queue(ranks: Ranks) -> None:
    stop = stop_file(ranks.folder)
    stop.touch()  # of an earlier job: what it asked is done
    rank = f"""[ -e "{stop}" ] && exit 9
kill -USR1 $PPID
while [ ! -e "{stop}" ]; do sleep 0.01; done
echo saved"""
    done = _run_script(ranks, rank)
    assert done.stdout.splitlines()[-3:] == ["saved", "time is up: requeued", "scontrol requeue 70007"]
    assert done.returncode == 0 and not stop.exists()


def test_ranks_that_fail_at_the_end_of_the_time_are_not_requeued(ranks: Ranks) -> None:
    stop = stop_file(ranks.folder)
    done = _run_script(ranks, f'kill -USR1 $PPID\nwhile [ ! -e "{stop}" ]; do sleep 0.01; done\nexit 3')
    assert done.returncode == 3 and "requeue" not in done.stdout


def test_ranks_here_that_left_early_say_what_asked_them_to(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    here = replace(ranks, machines=None)
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    train_in_ranks(here, 20, ranks.folder / "curve.jsonl", lambda: 20)
    with pytest.raises(UserError) as error:
        train_in_ranks(here, 2_000, ranks.folder / "curve.jsonl", lambda: 1_200)
    stop = stop_file(ranks.folder)
    assert str(error.value) == f"pretraining seed 0: left with step 1,200 saved, as {stop} asks; delete it to go on"
