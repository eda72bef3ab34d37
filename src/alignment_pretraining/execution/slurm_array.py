"""Tasks as a Slurm job array, by datatrove."""

import logging
import subprocess
import time
from pathlib import Path

from datatrove.executor import SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.config import Execution, SlurmTasks

_log = logging.getLogger(__name__)
_JOB = "job_id"


class TaskArray(SlurmPipelineExecutor):  # type: ignore[misc] # datatrove has no types
    """datatrove's array job, without its second job that merges statistics: tasks of one step have none."""

    def launch_merge_stats(self) -> None:
        """Nothing."""


def run_on_slurm(name: str, step: PipelineStep, tasks: int, jobs: Path, execution: Execution) -> None:
    """Submit the tasks and wait for their end.

    Raises:
        UserError: Slurm took no job.
    """
    slurm = _settings(execution)
    executor = TaskArray(
        [step],
        tasks=tasks,
        time=slurm.time,
        partition=slurm.partition,
        cpus_per_task=slurm.cpus_per_task,
        mem_per_cpu_gb=slurm.mem_per_cpu_gb,
        max_array_size=slurm.max_array_size,
        job_name=name,
        env_command="\n".join(slurm.setup),
        sbatch_args=dict(slurm.directives),
        logging_dir=str(jobs / "datatrove"),
        slurm_logs_folder=str(jobs / "logs"),
        skip_completed=False,
    )
    logger.disable("datatrove")
    try:
        executor.run()
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"{name}: Slurm took no job ({error}); the script is under {jobs / 'datatrove'}") from error
    (jobs / _JOB).write_text(str(executor.job_id))
    wait_for_jobs(name, jobs.parent, execution)


def wait_for_jobs(name: str, store: Path, execution: Execution) -> None:
    """Wait until the array that was submitted for this store, by this run or an earlier one, has left the queue."""
    known = store / "jobs" / _JOB
    if not known.exists():
        return
    job = known.read_text()
    told = -1
    while left := _in_queue(job):
        if left != told:
            _log.info("%s: Slurm job %s, %s tasks in the queue, output in %s", name, job, left, known.parent / "logs")
            told = left
        time.sleep(_settings(execution).poll_seconds)
    known.unlink()


def _in_queue(job: str) -> int:
    """Tasks of a job that wait or run. Slurm forgets a job some time after its end, and then knows no such id."""
    command = ["squeue", "--noheader", "--array", "--jobs", job]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(f"execution.launcher is slurm, and squeue cannot be run here ({error})") from error
    if found.returncode and "Invalid job id" not in found.stderr:
        raise UserError(f"squeue failed: {found.stderr.strip()}; run again to go on")
    return len(found.stdout.splitlines())


def _settings(execution: Execution) -> SlurmTasks:
    assert execution.slurm is not None  # as `Execution` has checked
    return execution.slurm
