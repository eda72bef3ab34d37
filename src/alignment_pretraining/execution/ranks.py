"""Runs the ranks of a training: on this machine, or as one Slurm job over several."""

import logging
import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.torchrun import last_row, run_local

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machines:
    """Those of a cluster that has Slurm, and how long its jobs are looked after.

    `notice_seconds` before its time limit a job asks its ranks to save and to leave; one that ended too early is
    submitted again, `resubmissions` times in a row where it brought no new save.
    """

    slurm: Slurm
    gpus_per_node: int
    notice_seconds: int
    resubmissions: int


@dataclass(frozen=True)
class Ranks:
    """`python -m module config` in `processes` ranks, one a GPU, in the folder of `config`; here without `machines`.

    `about` is what a job's script says of them.
    """

    module: str
    config: Path
    label: str
    about: str
    processes: int
    machines: Machines | None

    @property
    def folder(self) -> Path:
        """Where the ranks work."""
        return self.config.parent

    @property
    def nodes(self) -> int:
        """Machines that hold the ranks."""
        return math.ceil(self.processes / self.machines.gpus_per_node) if self.machines else 1


def stop_file(folder: Path) -> Path:
    """The file whose appearance in the ranks' folder has them save and leave."""
    return folder / "stop"


def ranks_job(ranks: Ranks) -> slurm.Job:
    """The job of the ranks.

    Requeued, by Slurm or by itself before its time ends, it goes on from the last save. Slurm itself runs no two jobs
    of its name at a time.
    """
    folder, machines = ranks.folder.resolve(), ranks.machines
    assert machines is not None
    gpus = ranks.processes // ranks.nodes
    directives: slurm.Directives = {
        "nodes": ranks.nodes,
        "ntasks-per-node": 1,
        "gpus-per-node": gpus,
        "output": str(folder / "job.log"),
        "open-mode": "append",
        "requeue": None,
        "dependency": "singleton",
        "signal": f"B:USR1@{machines.notice_seconds}",
    }
    lines = [
        f"# {ranks.about}, {ranks.processes} GPUs on {ranks.nodes} machines. Run again, it goes on where it was.",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}",
        "",
        "# Before the time limit, have the ranks save and leave.",
        f"stop={shlex.quote(str(stop_file(folder)))}",
        'rm -f "$stop"',
        "trap 'touch \"$stop\"' USR1",
        "",
        "# Ranks meet on the first machine, at a port of this job's own.",
        'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "port=$((20000 + SLURM_JOB_ID % 20000))",
        f"{slurm.srun_python(machines.slurm)} -m torch.distributed.run \\",
        f"  --nnodes={ranks.nodes} --nproc-per-node={gpus} \\",
        '  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$head:$port" \\',
        f"  -m {ranks.module} {shlex.quote(str(ranks.config))} &",
        "training=$!",
        "# A trapped signal ends `wait` early, with a code above 128: wait again for what it interrupted.",
        'wait "$training" || { code=$?; [ "$code" -gt 128 ] || exit "$code"; wait "$training"; }',
        "",
        "# Where they left, go back to the queue.",
        'if [ -e "$stop" ]; then rm "$stop"; echo "time is up: requeued"; scontrol requeue "$SLURM_JOB_ID" || true; fi',
    ]
    return slurm.Job(ranks.label, ranks.folder, machines.slurm, directives, lines)


def train_in_ranks(ranks: Ranks, steps: int, metrics: Path, saved: Callable[[], int]) -> None:
    """Run the ranks here by torchrun, or as a Slurm job where they have machines (`run_ranks`), and wait for their end.

    Raises:
        UserError: the training is not finished; names the log.
    """
    if ranks.machines:
        run_ranks(ranks, steps, metrics, saved)
        return
    log = ranks.folder / "job.log"
    run_local(ranks.module, ranks.config, ranks.processes, log, metrics=metrics, steps=steps, label=ranks.label)
    if (reached := saved()) < steps:
        asked = stop_file(ranks.folder)
        raise UserError(f"{ranks.label}: left with step {reached:,} saved, as {asked} asks; delete it to go on")


def run_ranks(ranks: Ranks, steps: int, metrics: Path, saved: Callable[[], int]) -> None:
    """Submit the ranks and wait for their end; a job that an earlier run submitted is followed instead.

    A job that ended before step `steps` was `saved` is submitted again, unless somebody cancelled it, or too many in a
    row brought no new save. How far they are is read from `metrics`, a line a step.

    Raises:
        UserError: no Slurm here, or the training is not finished; names the log.
    """
    job, log, machines = ranks_job(ranks), ranks.folder / "job.log", ranks.machines
    assert machines is not None
    in_vain = 0
    while True:
        before = saved()
        ends = slurm.run(job, lambda: _last_step(metrics))
        after = saved()
        if after == steps:
            return
        # Where Slurm has forgotten the job, its saves alone tell.
        told = f"{ranks.label}: its Slurm job ended as {slurm.describe(ends) or 'unknown'} with step {after:,} saved"
        in_vain = 0 if after > before else in_vain + 1
        if "CANCELLED" in ends or in_vain > machines.resubmissions:
            raise UserError(f"{told}; see {log}; run again to go on")
        _log.warning("%s; submitted again (%d of %d in vain)", told, in_vain, machines.resubmissions)


def _last_step(metrics: Path) -> str:
    row = last_row(metrics)
    return f"step {int(row['step']):,}, loss {row['loss']:.4f}" if row else "no step yet"
