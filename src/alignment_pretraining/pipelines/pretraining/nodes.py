"""One node a training stage, on this machine or on a cluster."""

from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.model import Model
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.memory import sized
from alignment_pretraining.pretraining.local.stage import run_stage
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.stage import ClusterJob
from alignment_pretraining.pretraining.nanotron.stage import run_stage as run_cluster_stage
from alignment_pretraining.study import TrainingStage


def train_stage(
    mix: Path,
    heldout: Path,
    tokenizer: Path,
    model: Model,
    stage: TrainingStage,
    engine: EngineConfig,
    scratch: Path,
    start: Path | None = None,
    peak_tflops: float | None = None,
    *,
    stage_name: str,
    seed: int,
    machines: Machines | None = None,
) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Train one stage by the local engine.

    Args:
        mix: Folder with the token stream.
        heldout: Folder with the held-out documents' tokens.
        tokenizer: Folder that goes into the checkpoint, too.
        model: The model's shape.
        stage: Budget, batch and learning rates.
        engine: How it is computed, saved and evaluated.
        scratch: Where unfinished work is kept.
        start: Checkpoint to start from; without it, weights are new.
        peak_tflops: Of the GPU, for MFU.
        stage_name: Of the study, for messages.
        seed: Of new weights.
        machines: Of Slurm, that train it; without them it is trained here.

    Returns:
        The checkpoint folder, the curve (one row a step) and the summary (tokens, steps, losses, parameters, samples).
    """
    job = StageJob(
        name=stage_name,
        seed=seed,
        mix=mix,
        heldout=heldout,
        tokenizer=tokenizer,
        start=start,
        model=model,
        stage=stage,
        settings=engine,
        peak_tflops=peak_tflops,
        machines=machines,
    )
    return run_in_worker(run_stage, job, scratch)


def train_stage_on_node(
    mix: Path,
    heldout: Path,
    tokenizer: Path,
    model: Model,
    stage: TrainingStage,
    engine: EngineConfig,
    cluster: Cluster,
    scratch: Path,
    start: Path | None = None,
    *,
    stage_name: str,
    seed: int,
) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """`train_stage` in `engine.processes`, on this machine or on the one that Slurm gives, as `cluster` says.

    Where `engine` leaves the micro-batch open, it is what the cluster's GPU can hold.
    """
    return train_stage(
        mix,
        heldout,
        tokenizer,
        model,
        stage,
        sized(model, stage, engine, cluster.room),
        scratch,
        start,
        cluster.gpu.peak_tflops,
        stage_name=stage_name,
        seed=seed,
        machines=cluster.machines() if cluster.launcher == "slurm" else None,
    )


def train_stage_on_cluster(
    mix: Path,
    heldout: Path,
    tokenizer: Path,
    model: Model,
    stage: TrainingStage,
    engine: EngineConfig,
    cluster: Cluster,
    scratch: Path,
    start: Path | None = None,
    *,
    stage_name: str,
    seed: int,
) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """`train_stage` by nanotron, spread over GPUs as `cluster` says; `engine` is for the held-out loss alone.

    The same inputs are read in the same order, and the outputs are of the same form.
    """
    job = ClusterJob(
        name=stage_name,
        seed=seed,
        mix=mix,
        heldout=heldout,
        tokenizer=tokenizer,
        start=start,
        model=model,
        stage=stage,
        settings=engine,
        cluster=cluster,
    )
    return run_in_worker(run_cluster_stage, job, scratch)
