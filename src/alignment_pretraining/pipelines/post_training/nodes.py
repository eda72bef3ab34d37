"""SFT and DPO, one node each, on this machine or with the machines of a cluster."""

from pathlib import Path

import pandas as pd

from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.study import DpoStage, SftStage


def run_sft(
    conversations: pd.DataFrame, start: Path, sft: SftStage, settings: PostTrainingConfig, scratch: Path, *, seed: int
) -> Outcome:
    """Supervised fine-tuning of the checkpoint `start`; returns checkpoint folder, curve (one row a step), summary."""
    return run_in_worker(run_chat_stage, ChatJob(conversations, start, sft, seed, settings), scratch)


def run_dpo(
    preferences: pd.DataFrame, start: Path, dpo: DpoStage, settings: PostTrainingConfig, scratch: Path, *, seed: int
) -> Outcome:
    """Direct preference optimization of the checkpoint `start`, which is also the frozen reference; as `run_sft`."""
    return run_in_worker(run_chat_stage, ChatJob(preferences, start, dpo, seed, settings), scratch)


def run_sft_with_cluster(
    conversations: pd.DataFrame,
    start: Path,
    sft: SftStage,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster,
    *,
    seed: int,
) -> Outcome:
    """`run_sft`, where `settings` may name the launcher slurm: `cluster` describes the machines."""
    job = ChatJob(conversations, start, sft, seed, settings, cluster.machines() if cluster.slurm else None)
    return run_in_worker(run_chat_stage, job, scratch)


def run_dpo_with_cluster(
    preferences: pd.DataFrame,
    start: Path,
    dpo: DpoStage,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster,
    *,
    seed: int,
) -> Outcome:
    """`run_dpo`, as `run_sft_with_cluster`."""
    job = ChatJob(preferences, start, dpo, seed, settings, cluster.machines() if cluster.slurm else None)
    return run_in_worker(run_chat_stage, job, scratch)
