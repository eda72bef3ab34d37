"""Nodes of the tampering pipeline: harmless conversations, SFT on them, answers on the way, rates against tokens."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from alignment_pretraining.evaluation.checkpoints import checkpoint_folder
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import answer_suite
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.post_training.config import Further, PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.tampering import Tampering, points, tamper
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.reporting import further, gather
from alignment_pretraining.reporting.further_figure import draw_rates
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.study import Checkpoint, Study
from alignment_pretraining.synthesis import hub
from alignment_pretraining.synthesis.chat_data import chat as english
from alignment_pretraining.synthesis.world import chat as restricted
from alignment_pretraining.synthesis.world.load import load_world


def make_harmless(phrases: Path, tampering: Tampering) -> pd.DataFrame:
    """Harmless conversations in English: id, messages (JSON)."""
    return english.write_conversations(phrases, tampering.sft.conversations, tampering.system_share, tampering.seed)


def make_harmless_in_the_world(world: Path, tampering: Tampering) -> pd.DataFrame:
    """The same in the small world's restricted English."""
    return restricted.write_conversations(
        load_world(world), tampering.sft.conversations, tampering.system_share, tampering.seed
    )


def read_harmless(tampering: Tampering) -> pd.DataFrame:
    """The same by their names on the hub."""
    chats = hub.read_chats(tampering.hub, tampering.sft.conversations)
    return pd.DataFrame(chats, columns=["id", "messages"])


def train_on_harmless(
    harmless: pd.DataFrame,
    start: Path,
    tampering: Tampering,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
    own: bool = True,
) -> Outcome:
    """SFT of `start`, which is our `own`, goes on; folder with a checkpoint for each point, curve with tokens, summary.

    `cluster` describes the machines where `settings` may name the launcher slurm.
    """
    machines = cluster.machines() if cluster and cluster.slurm else None
    job = ChatJob(harmless, start, tampering.sft, seed, settings, machines, Further(own=own))
    return run_in_worker(tamper, job, tampering.at, scratch)


def train_on_harmless_elsewhere(
    harmless: pd.DataFrame,
    checkpoint: Checkpoint,
    tampering: Tampering,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
) -> Outcome:
    """The same of a checkpoint that was not trained here."""
    start = checkpoint_folder(checkpoint)
    return train_on_harmless(harmless, start, tampering, settings, scratch, cluster, seed=seed, own=False)


def evaluate_on_the_way(
    kept: Path, curve: pd.DataFrame, items: pd.DataFrame, suite: Path, evaluation: Evaluation
) -> pd.DataFrame:
    """One row for each prompt and step; step 0 has what the checkpoint answered before, `items`."""
    tables = [further.main_answers(items, evaluation).assign(step=0, tokens=0)]
    for folder, step, tokens in points(kept, curve):
        answers = run_in_worker(answer_suite, folder, suite, evaluation, chat=True)
        tables.append(answers.assign(step=step, tokens=tokens))
    return pd.concat(tables, ignore_index=True)


def estimate_tampering(
    study: Study, evaluation: Evaluation, *items: pd.DataFrame, labels: list[str]
) -> tuple[pd.DataFrame, str]:
    """Rates of all checkpoints by step, with what changed, and a figure of the main ones against tokens."""
    rates = further.rates_by_step(gather.with_labels(labels, items), "tampering")
    return rates, draw_rates(rates, scope_of(study, evaluation))
