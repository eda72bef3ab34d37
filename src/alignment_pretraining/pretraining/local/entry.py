"""What every process of a stage runs: `torchrun ... -m alignment_pretraining.pretraining.local.entry stage.json`."""

import os
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Train the stage that `path` describes with the other processes; run again, it goes on from the last save."""
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    import torch.distributed as dist

    from alignment_pretraining.execution.outcome import leave_outcome
    from alignment_pretraining.pretraining.local.followed import Followed
    from alignment_pretraining.pretraining.local.job import read_job
    from alignment_pretraining.pretraining.local.stage import train_here

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if gpu else "gloo")
    job, work = read_job(path), path.parent
    outcome = train_here(job, work, Followed(work, job.name, job.stage.steps))
    if outcome:
        leave_outcome(outcome, work)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
