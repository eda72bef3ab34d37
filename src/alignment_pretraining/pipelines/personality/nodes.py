"""Nodes of the personality pipeline: the items, what checkpoints answer, trait scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from alignment_pretraining.evaluation.checkpoints import checkpoint_folder
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.personality import Personality, answer_items, items_by_name, own_items
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.reporting import gather
from alignment_pretraining.reporting.personality import trait_table
from alignment_pretraining.study import Checkpoint


def prepare_items(personality_items: Path) -> pd.DataFrame:
    """The items written for this project: item, trait, situation and four options."""
    return own_items(personality_items)


def read_items(personality: Personality) -> pd.DataFrame:
    """The same by their name on the hub."""
    assert personality.table is not None
    return items_by_name(personality.table)


def ask_traits(
    checkpoint: Path, items: pd.DataFrame, personality: Personality, evaluation: Evaluation, *, chat: bool
) -> pd.DataFrame:
    """One row for each item, persona and order."""
    return run_in_worker(answer_items, checkpoint, items, personality, evaluation, chat=chat)


def ask_traits_elsewhere(
    checkpoint: Checkpoint, items: pd.DataFrame, personality: Personality, evaluation: Evaluation, *, chat: bool
) -> pd.DataFrame:
    """The same of a checkpoint that was not trained here."""
    folder = checkpoint_folder(checkpoint)
    return run_in_worker(answer_items, folder, items, personality, evaluation, chat=chat)


def estimate_traits(*answers: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """Trait scores of all checkpoints, with intervals."""
    return trait_table(gather.with_labels(labels, answers))
