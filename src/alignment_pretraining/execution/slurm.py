"""Slurm jobs: a readable script, submitted once and followed to its end.

A job's name holds a hash of the folder that it works for. So a run finds in the queue what an earlier run submitted, at
whatever moment that run was killed, and never submits the same work twice. Only squeue is asked, because clusters
without accounting have no sacct. Whether the work is finished is read from its folder, not from Slurm.
"""

import hashlib
import logging
import re
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.execution.config import Slurm

_log = logging.getLogger(__name__)

# How often in a row squeue may fail while a job is followed, as it does when Slurm's controller restarts.
_PATIENCE = 20

# Slurm's words for the state of a task that will not run again, and of one that may be about to be requeued: for so
# long it counts as queued. All others wait or run, whatever squeue shows when it is asked for no state.
_ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "DEADLINE", "REVOKED"}
_PERHAPS_REQUEUED = {"NODE_FAIL", "PREEMPTED", "BOOT_FAIL"}
_REQUEUE_SECONDS = 120.0

States = Counter[str]  # tasks by Slurm's word for their state
Directives = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Job:
    """What is submitted for the work in `folder`: a script with directives of its own beside those of `slurm`."""

    label: str
    folder: Path
    slurm: Slurm
    directives: Directives
    lines: Sequence[str]

    @property
    def name(self) -> str:
        """The job's name in the queue."""
        return job_name(self.label, self.folder)

    @property
    def script(self) -> Path:
        """Where the script is written."""
        return self.folder / "job.sh"


def job_name(label: str, folder: Path) -> str:
    """The name in the queue of the job that works for `folder`."""
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', label)}.{place}"


def script_text(job: Job) -> str:
    """The batch script. The configuration's directives replace the job's own, except its name."""
    slurm = job.slurm
    directives: Directives = {
        "time": slurm.time,
        "partition": slurm.partition,
        "cpus-per-task": slurm.cpus_per_task,
        "mem-per-cpu": slurm.mem_per_cpu_gb and f"{slurm.mem_per_cpu_gb}G",
    }
    asked: dict[str, str | int | None] = {key: value for key, value in directives.items() if value is not None}
    asked |= {**job.directives, **slurm.directives, "job-name": job.name}
    lines = [
        "#!/bin/bash",
        *(_directive(key, value) for key, value in asked.items()),
        "",
        "set -eo pipefail",
        *(f"module load {module}" for module in slurm.modules),
        *slurm.setup,
        *job.lines,
    ]
    return "\n".join(lines) + "\n"


def srun_python(slurm: Slurm) -> str:
    """The beginning of a command that starts Python on every machine of a job, in its container."""
    # srun does not take the number of processors from the job by itself.
    cores = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK} "
    container = f"--container-image={shlex.quote(slurm.container)} " if slurm.container else ""
    return f"srun --kill-on-bad-exit=1 {cores}{container}{slurm.python}"


def run(job: Job, progress: Callable[[], str] = lambda: "") -> States:
    """Submit a job and wait for its end, or for that of the one that an earlier run has submitted for its folder.

    `progress` is what else to tell of the work. Returns how its tasks ended; nothing where Slurm has forgotten them.

    Raises:
        UserError: Slurm cannot be asked, or took no job.
    """
    found = _queued(job.name)
    job_id = found[-1][0] if found else _submit(job)
    return _follow(job.name, job_id, job.slurm.poll_seconds, progress)


def wait_for_earlier(label: str, folder: Path, slurm: Slurm) -> None:
    """Wait for the end of a job that an earlier run has submitted for `folder`, where there is one.

    Raises:
        UserError: Slurm cannot be asked.
    """
    name = job_name(label, folder)
    found = _queued(name)
    if found:
        _follow(name, found[-1][0], slurm.poll_seconds, lambda: "submitted by an earlier run")


def describe(states: States) -> str:
    """`3 COMPLETED, 1 TIMEOUT`, or of a job without tasks `TIMEOUT`, for a message."""
    if states.total() == 1:
        return next(iter(states))
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _submit(job: Job) -> str:
    write_text(job.script, script_text(job))
    command = ["sbatch", "--parsable", str(job.script)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"{job.label}: launcher is slurm, and sbatch cannot be run here ({error})") from error
    if done.returncode:
        raise UserError(f"{job.label}: Slurm took no job: {done.stderr.strip()}\n  (its script is {job.script})")
    return done.stdout.strip().partition(";")[0]  # the id, and on some clusters ;their name


def _follow(name: str, job_id: str, poll_seconds: float, progress: Callable[[], str]) -> States:
    """Wait until the job has left the queue, telling what changes; returns the last states of its tasks."""
    told = ""
    failures = 0
    left = time.monotonic()  # when a task was last seen that surely waits or runs
    while True:
        try:
            found = _queued(name)
            failures = 0
            if not {state for _, state in found} <= _PERHAPS_REQUEUED:
                left = time.monotonic()
        except UserError as error:
            failures += 1
            if failures > _PATIENCE:
                raise
            _log.warning("%s", error)
        else:
            if not found or time.monotonic() - left > _REQUEUE_SECONDS:
                return _last_states(job_id)
            states = describe(Counter(state for _, state in found))
            news = ", ".join(filter(None, [states, progress()]))
            if news != told:
                _log.info("%s: Slurm job %s: %s", name, job_id, news)
                told = news
        time.sleep(poll_seconds)


def _queued(name: str) -> list[tuple[str, str]]:
    """Id and state of every task that waits, runs, or may be about to be requeued, of the jobs of a name."""
    return [row for row in _squeue("--states=all", f"--name={name}") if row[1] not in _ENDED]


def _last_states(job_id: str) -> States:
    try:
        return Counter(state for _, state in _squeue("--states=all", f"--jobs={job_id}"))
    except UserError:  # Slurm forgets a job some minutes after its end
        return Counter()


def _squeue(*which: str) -> list[tuple[str, str]]:
    command = ["squeue", "--noheader", "--array", "--format=%F %T", *which]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"launcher is slurm, and squeue cannot be run here ({error})") from error
    if found.returncode:
        raise UserError(f"squeue failed: {found.stderr.strip()}; run again to go on")
    rows = (line.split() for line in found.stdout.splitlines())
    return [(job_id, state) for job_id, state in rows]


def _directive(key: str, value: str | int | None) -> str:
    return f"#SBATCH --{key}" if value is None else f"#SBATCH --{key}={shlex.quote(str(value))}"
