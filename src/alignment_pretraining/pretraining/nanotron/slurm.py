"""Runs a stage's ranks as one Slurm job over the machines that its layout fills."""

import shlex
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import slurm
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.pretraining.nanotron.launch import last_row
from alignment_pretraining.pretraining.nanotron.layout import Layout

# Seconds before the time limit at which Slurm signals the script, so that it queues itself again.
_NOTICE = 120


def training_job(config: Path, label: str, layout: Layout, nodes: int, settings: Slurm) -> slurm.Job:
    """The job that trains the stage of `config`, in its folder.

    Requeued, by Slurm or by itself before its time ends, it goes on from the last checkpoint.
    """
    folder, gpus = config.parent, layout.gpus // nodes
    directives: slurm.Directives = {
        "nodes": nodes,
        "ntasks-per-node": 1,
        "gpus-per-node": gpus,
        "output": str(folder.resolve() / "job.log"),
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{_NOTICE}",
    }
    lines = [
        f"# {layout}, {layout.gpus} GPUs on {nodes} machines. Run again, it goes on where it was.",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}",
        "",
        "# Shortly before the time limit, go back to the queue.",
        'trap \'echo "time is up: requeued"; scontrol requeue "$SLURM_JOB_ID"\' USR1',
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
    ]
    return slurm.Job(label, folder, settings, directives, lines)


def run_slurm(config: Path, label: str, layout: Layout, nodes: int, settings: Slurm) -> None:
    """Submit the stage of `config` and wait for its end; a job that an earlier run submitted is followed instead.

    Raises:
        UserError: no Slurm here, or the job failed; names the log.
    """
    metrics = config.parent / "metrics.jsonl"
    ends = slurm.run(training_job(config, label, layout, nodes, settings), lambda: _last_step(metrics))
    # Where Slurm has forgotten the job, its checkpoints alone tell.
    if ends and set(ends) != {"COMPLETED"}:
        log = config.parent / "job.log"
        raise UserError(f"{label}: its Slurm job ended as {slurm.describe(ends)}; see {log}; run again to go on")


def _last_step(metrics: Path) -> str:
    row = last_row(metrics)
    return f"step {int(row['step']):,}, loss {row['loss']:.4f}" if row else "no step yet"
