"""sbatch, squeue, srun and scontrol for a machine without Slurm: jobs run one after the other in the background.

Their states are files, `<job>_<task>` with name and state, in the folder SLURM_STAND_IN. Where that holds a file
`broken-<command>`, the command fails with its text.
"""

import itertools
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

_ACTIVE = ("PENDING", "RUNNING")


def install(folder: Path) -> Path:
    """Write the commands to a new folder, to be put on the path; returns it."""
    state = folder / "state"
    state.mkdir(parents=True)
    for name in COMMANDS:
        path = folder / name
        line = shlex.join([sys.executable, str(Path(__file__).resolve()), name])
        path.write_text(f'#!/bin/sh\nSLURM_STAND_IN={shlex.quote(str(state))} exec {line} "$@"\n')
        path.chmod(stat.S_IRWXU)
    return folder


def sbatch(state: Path, arguments: list[str]) -> None:
    """Take a script, and begin its tasks in the background."""
    script = Path(arguments[-1]).read_text()
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script, re.MULTILINE))
    job = str(os.getpid())  # no other job has it, of this stand-in or of another: ranks meet at a port of that number
    with (state / f"{job}.sh").open("x") as kept:
        kept.write(script)
    tasks = 1 + int(asked["array"].removeprefix("0-")) if "array" in asked else 1
    for task in range(tasks):
        (state / f"{job}_{task}").write_text(f"{asked['job-name']} PENDING")
    output = shlex.split(asked["output"])[0]
    command = [sys.executable, __file__, "run_job", job, str(tasks), output]
    subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(job)


def run_job(state: Path, arguments: list[str]) -> None:
    """Run the tasks of a job."""
    job, tasks, output = arguments
    for task in range(int(tasks)):
        file = state / f"{job}_{task}"
        name = file.read_text().split()[0]
        file.write_text(f"{name} RUNNING")
        variables = {"SLURM_JOB_ID": job, "SLURM_JOB_NODELIST": "localhost", "SLURM_ARRAY_TASK_ID": str(task)}
        with Path(output.replace("%A", job).replace("%a", str(task))).open("a") as log:
            done = subprocess.run(
                ["bash", state / f"{job}.sh"], env=os.environ | variables, stdout=log, stderr=subprocess.STDOUT
            )
        file.write_text(f"{name} {'FAILED' if done.returncode else 'COMPLETED'}")


def squeue(state: Path, arguments: list[str]) -> None:
    """Print id and state of the tasks of the jobs of a name that wait or run, or of all tasks of a job."""
    options = dict(argument.removeprefix("--").partition("=")[::2] for argument in arguments)
    for file in sorted(state.glob("*_*")):
        job, (name, word) = file.name.partition("_")[0], file.read_text().split()
        wanted = job == options["jobs"] if "jobs" in options else name == options["name"]
        if wanted and (word in _ACTIVE or "states" in options):
            print(job, word)


def srun(_state: Path, arguments: list[str]) -> None:
    """Run a command."""
    command = list(itertools.dropwhile(lambda argument: argument.startswith("--"), arguments))
    os.execvp(command[0], command)


def scontrol(_state: Path, _arguments: list[str]) -> None:
    """Print the machines of a job."""
    print("localhost")


COMMANDS = {"sbatch": sbatch, "squeue": squeue, "srun": srun, "scontrol": scontrol, "run_job": run_job}


if __name__ == "__main__":
    place = Path(os.environ["SLURM_STAND_IN"])
    broken = place / f"broken-{sys.argv[1]}"
    if broken.exists():
        sys.exit(broken.read_text())
    COMMANDS[sys.argv[1]](place, sys.argv[2:])
