"""Runs a stage's ranks as a Slurm job: a readable script, submitted and followed by submitit."""

import logging
import shlex
import time
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, Slurm
from alignment_pretraining.pretraining.nanotron.launch import last_row
from alignment_pretraining.pretraining.nanotron.layout import Layout

_log = logging.getLogger(__name__)

# Seconds before the time limit at which Slurm signals the script, so that it queues itself again.
_NOTICE = 120
_WAITING = ("PENDING", "RUNNING", "REQUEUED", "CONFIGURING", "COMPLETING", "SUSPENDED", "RESIZING", "UNKNOWN")


def script(config: Path, name: str, layout: Layout, cluster: Cluster, log: Path) -> str:
    """The batch script. Requeued, by Slurm or by itself before its time ends, it goes on from the last checkpoint."""
    slurm = _settings(cluster)
    nodes = cluster.nodes(layout)
    directives = {
        "job-name": name,
        "nodes": nodes,
        "ntasks-per-node": 1,
        "gpus-per-node": layout.gpus // nodes,
        "time": slurm.time,
        "output": log,
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{_NOTICE}",
        **slurm.directives,
    }
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{key}" + ("" if value is None else f"={value}") for key, value in directives.items()),
        "",
        f"# {name}: {layout}, {layout.gpus} GPUs on {nodes} nodes. Run again, it goes on where it was.",
        "set -euo pipefail",
        *(f"module load {module}" for module in slurm.modules),
        *slurm.setup,
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}",
        "",
        "# Shortly before the time limit, go back to the queue.",
        'trap \'echo "time is up: requeued"; scontrol requeue "$SLURM_JOB_ID"\' USR1',
        "",
        "# Ranks meet on the first machine, at a port of this job's own.",
        'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "port=$((20000 + SLURM_JOB_ID % 20000))",
        f"srun {_container(slurm)}{slurm.python} -m torch.distributed.run \\",
        f"  --nnodes={nodes} --nproc-per-node={layout.gpus // nodes} \\",
        '  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$head:$port" \\',
        f"  -m alignment_pretraining.pretraining.nanotron.entry {shlex.quote(str(config))} &",
        "training=$!",
        "# A trapped signal ends `wait` early, with a code above 128: wait again for what it interrupted.",
        'wait "$training" || { code=$?; [ "$code" -gt 128 ] && wait "$training"; }',
        "",
    ]
    return "\n".join(lines)


def run_slurm(config: Path, name: str, layout: Layout, cluster: Cluster, folder: Path) -> None:
    """Submit the stage and wait for its end; a job that an earlier run submitted from `folder` is followed instead.

    Raises:
        UserError: no Slurm here, or the job failed; names the log.
    """
    log, known = folder / "job.log", folder / "job_id"
    text = script(config, name, layout, cluster, log)
    (folder / "job.sh").write_text(text)
    from submitit.slurm.slurm import SlurmJob

    job_id = known.read_text() if known.exists() else ""
    if not job_id or _state(SlurmJob(folder, job_id)) not in _WAITING:
        job_id = _submit(text, folder)
        known.write_text(job_id)
    _log.info("%s: Slurm job %s, %s, output in %s", name, job_id, layout, log)
    state = _follow(SlurmJob(folder, job_id), _settings(cluster).poll_seconds, name, folder / "metrics.jsonl")
    known.unlink()
    if state != "COMPLETED":
        raise UserError(f"{name}: Slurm job {job_id} ended as {state}; its output is in {log}; run again to go on")


def _submit(text: str, folder: Path) -> str:
    from submitit.slurm.slurm import SlurmExecutor

    class Executor(SlurmExecutor):
        """Submits our script in place of submitit's pickled function."""

        def _make_submission_file_text(self, command: str, uid: str) -> str:
            return text

        def _num_tasks(self) -> int:
            return 1

    (folder / "submitted").mkdir(exist_ok=True)
    try:
        return Executor(folder=folder / "submitted")._submit_command("").job_id
    except Exception as error:  # submitit raises many kinds
        raise UserError(f"Slurm took no job ({error}); the script is {folder / 'job.sh'}") from error


def _follow(job: Any, seconds: int, name: str, metrics: Path) -> str:
    """Poll until the job has ended, telling how far it is; returns its state."""
    told = ""
    while True:
        state = _state(job)
        news = f"{state}, {_last_step(metrics)}"
        if news != told:
            _log.info("%s: %s", name, news)
            told = news
        if state not in _WAITING:
            return state
        time.sleep(seconds)


def _last_step(metrics: Path) -> str:
    row = last_row(metrics)
    return f"step {int(row['step']):,}, loss {row['loss']:.4f}" if row else "no step yet"


def _state(job: Any) -> str:
    state = job.watcher.get_state(job.job_id, mode="force")
    job.watcher.clear()  # it would remember an end that a requeue undoes
    return str(state.split()[0])


def _container(slurm: Slurm) -> str:
    return f"--container-image={shlex.quote(slurm.container)} " if slurm.container else ""


def _settings(cluster: Cluster) -> Slurm:
    if cluster.slurm is None:
        raise UserError("cluster.launcher is slurm, and cluster.slurm is missing")
    return cluster.slurm
