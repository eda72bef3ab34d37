"""SFT and DPO, one node each."""

from pathlib import Path

import pandas as pd

from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.post_training.train import Result
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.study import DpoStage, SftStage


def run_sft(
    conversations: pd.DataFrame,
    start: Path,
    sft: SftStage,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
) -> Result:
    """Supervised fine-tuning of the checkpoint `start`; returns checkpoint folder, curve (one row a step), summary."""
    return run_in_worker(run_chat_stage, ChatJob(conversations, start, sft, seed, settings, cluster), scratch)


def run_dpo(
    preferences: pd.DataFrame,
    start: Path,
    dpo: DpoStage,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
) -> Result:
    """Direct preference optimization of the checkpoint `start`, which is also the frozen reference; as `run_sft`."""
    return run_in_worker(run_chat_stage, ChatJob(preferences, start, dpo, seed, settings, cluster), scratch)
