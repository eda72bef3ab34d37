"""SFT and DPO, one node each."""

from pathlib import Path

import pandas as pd

from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.post_training.trainer import ChatJob, Result, run_chat_stage
from alignment_pretraining.study import DpoStage, SftStage


def run_sft(conversations: pd.DataFrame, start: Path, sft: SftStage, scratch: Path, *, seed: int) -> Result:
    """Supervised fine-tuning of the checkpoint `start`; returns checkpoint folder, curve (one row a step), summary."""
    return run_in_worker(run_chat_stage, ChatJob(conversations, start, sft, seed), scratch)


def run_dpo(preferences: pd.DataFrame, start: Path, dpo: DpoStage, scratch: Path, *, seed: int) -> Result:
    """Direct preference optimization of the checkpoint `start`, which is also the frozen reference; as `run_sft`."""
    return run_in_worker(run_chat_stage, ChatJob(preferences, start, dpo, seed), scratch)
