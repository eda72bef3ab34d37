"""Runs a stage's ranks as one Slurm job over the machines that its layout fills."""

import logging
import shlex
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm
from alignment_pretraining.pretraining.nanotron import checkpoints
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.config import stop_file
from alignment_pretraining.pretraining.nanotron.launch import last_row
from alignment_pretraining.pretraining.nanotron.layout import Layout

_log = logging.getLogger(__name__)


def training_job(config: Path, label: str, layout: Layout, nodes: int, cluster: Cluster) -> slurm.Job:
    """The job that trains the stage of `config`, in its folder.

    Requeued, by Slurm or by itself before its time ends, it goes on from the last checkpoint. Slurm itself runs no two
    jobs of its name at a time.
    """
    settings = cluster.slurm
    assert settings is not None
    folder, gpus = config.parent, layout.gpus // nodes
    stop = shlex.quote(str(stop_file(folder.resolve())))
    directives: slurm.Directives = {
        "nodes": nodes,
        "ntasks-per-node": 1,
        "gpus-per-node": gpus,
        "output": str(folder.resolve() / "job.log"),
        "open-mode": "append",
        "requeue": None,
        "dependency": "singleton",
        "signal": f"B:USR1@{cluster.notice_seconds}",
    }
    lines = [
        f"# {layout}, {layout.gpus} GPUs on {nodes} machines. Run again, it goes on where it was.",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}",
        "",
        "# Before the time limit, have the ranks save and leave.",
        f"stop={stop}",
        'rm -f "$stop"',
        "trap 'touch \"$stop\"' USR1",
        "",
        "# Ranks meet on the first machine, at a port of this job's own.",
        'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "port=$((20000 + SLURM_JOB_ID % 20000))",
        f"{slurm.srun_python(settings)} -m torch.distributed.run \\",
        f"  --nnodes={nodes} --nproc-per-node={gpus} \\",
        '  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$head:$port" \\',
        f"  -m alignment_pretraining.pretraining.nanotron.entry {shlex.quote(str(config))} &",
        "training=$!",
        "# A trapped signal ends `wait` early, with a code above 128: wait again for what it interrupted.",
        'wait "$training" || { code=$?; [ "$code" -gt 128 ] && wait "$training"; }',
        "",
        "# Where they left, go back to the queue.",
        'if [ -e "$stop" ]; then rm "$stop"; echo "time is up: requeued"; scontrol requeue "$SLURM_JOB_ID" || true; fi',
    ]
    return slurm.Job(label, folder, settings, directives, lines)


def run_slurm(config: Path, label: str, layout: Layout, steps: int, cluster: Cluster) -> None:
    """Submit the stage of `config` and wait for its end; a job that an earlier run submitted is followed instead.

    A job that ended before step `steps` is submitted again, unless somebody cancelled it, or too many in a row brought
    no new save.

    Raises:
        UserError: no Slurm here, or the stage is not finished; names the log.
    """
    folder = config.parent
    metrics, log = folder / "metrics.jsonl", folder / "job.log"
    job = training_job(config, label, layout, cluster.nodes(layout), cluster)
    in_vain = 0
    while True:
        before = saved_step(folder)
        ends = slurm.run(job, lambda: _last_step(metrics))
        after = saved_step(folder)
        if after == steps:
            return
        # Where Slurm has forgotten the job, its checkpoints alone tell.
        told = f"{label}: its Slurm job ended as {slurm.describe(ends) or 'unknown'} with step {after:,} saved"
        in_vain = 0 if after > before else in_vain + 1
        if "CANCELLED" in ends or in_vain > cluster.resubmissions:
            raise UserError(f"{told}; see {log}; run again to go on")
        _log.warning("%s; submitted again (%d of %d in vain)", told, in_vain, cluster.resubmissions)


def saved_step(folder: Path) -> int:
    """The step of the newest complete checkpoint of a stage's folder; 0 where there is none."""
    last = checkpoints.newest(folder / "checkpoints")
    return int(last.name) if last else 0


def _last_step(metrics: Path) -> str:
    row = last_row(metrics)
    return f"step {int(row['step']):,}, loss {row['loss']:.4f}" if row else "no step yet"
