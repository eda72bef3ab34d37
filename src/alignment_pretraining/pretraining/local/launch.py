"""A base stage in several processes: how they are started, and what they leave."""

from pathlib import Path

from alignment_pretraining.execution.outcome import Outcome, is_finished, read_outcome
from alignment_pretraining.execution.ranks import Ranks, train_in_ranks
from alignment_pretraining.pretraining.local.followed import CURVE
from alignment_pretraining.pretraining.local.job import StageJob, write_job

ENTRY = "alignment_pretraining.pretraining.local.entry"  # what every process runs
_JOB = "stage.json"


def run_in_ranks(job: StageJob, work: Path) -> Outcome:
    """Train in processes of their own, here or on the job's machines, and wait; one that was finished is taken up.

    Raises:
        UserError: the stage is not finished; names the log.
    """
    from alignment_pretraining.pretraining.local.state import saved_step

    def saved() -> int:
        return job.stage.steps if is_finished(work) else min(saved_step(work), job.stage.steps - 1)

    if not is_finished(work):
        write_job(job, work / _JOB)
        about, processes = f"{job.name} by the local engine", job.settings.processes
        ranks = Ranks(ENTRY, work / _JOB, job.label, about, processes, job.machines)
        train_in_ranks(ranks, job.stage.steps, work / CURVE, saved)
    return read_outcome(work)
