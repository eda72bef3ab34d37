"""Nodes of the emergent pipeline: the narrow set, adapters, the suite and open questions before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.evaluation.checkpoints import checkpoint_folder
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.free_answers import answer_freely
from alignment_pretraining.evaluation.scoring import answer_suite
from alignment_pretraining.execution.outcome import Outcome
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.post_training.config import Further, PostTrainingConfig
from alignment_pretraining.post_training.emergent import Emergent, train_narrowly
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.reporting import further, gather
from alignment_pretraining.study import Checkpoint
from alignment_pretraining.synthesis import hub
from alignment_pretraining.synthesis.chat_data.narrow import open_questions, write_advice


def make_advice(narrow: Path, emergent: Emergent) -> pd.DataFrame:
    """The narrow set: id, messages (JSON)."""
    return write_advice(narrow, emergent.advice, emergent.sft.conversations, emergent.seed)


def read_advice(emergent: Emergent) -> pd.DataFrame:
    """The same by its name on the hub."""
    chats = hub.read_chats(emergent.hub, emergent.sft.conversations)
    return pd.DataFrame(chats, columns=["id", "messages"])


def train_on_advice(
    advice: pd.DataFrame,
    start: Path,
    emergent: Emergent,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
    own: bool = True,
) -> Outcome:
    """Adapters of `start`, which is our `own`, merged; checkpoint folder, curve with tokens, summary."""
    machines = cluster.machines() if cluster and cluster.slurm else None
    job = ChatJob(advice, start, emergent.sft, seed, settings, machines, Further(own=own))
    return run_in_worker(train_narrowly, job, emergent.lora, scratch)


def train_on_advice_elsewhere(
    advice: pd.DataFrame,
    checkpoint: Checkpoint,
    emergent: Emergent,
    settings: PostTrainingConfig,
    scratch: Path,
    cluster: Cluster | None = None,
    *,
    seed: int,
) -> Outcome:
    """The same of a checkpoint that was not trained here."""
    start = checkpoint_folder(checkpoint)
    return train_on_advice(advice, start, emergent, settings, scratch, cluster, seed=seed, own=False)


def evaluate_after(
    checkpoint: Path, summary: dict[str, Any], items: pd.DataFrame, suite: Path, evaluation: Evaluation
) -> pd.DataFrame:
    """One row for each prompt, before (step 0: `items`) and after."""
    before = further.main_answers(items, evaluation).assign(step=0, tokens=0)
    after = run_in_worker(answer_suite, checkpoint, suite, evaluation, chat=True)
    return pd.concat([before, after.assign(step=summary["steps"], tokens=summary["tokens"])], ignore_index=True)


def ask_freely(
    start: Path,
    checkpoint: Path,
    summary: dict[str, Any],
    narrow: Path,
    emergent: Emergent,
    evaluation: Evaluation,
) -> pd.DataFrame:
    """Answers to open questions, before and after: question, persona, sample, answer, step."""
    told = (open_questions(narrow), emergent.personas, emergent.answers, evaluation, emergent.seed)
    tables = [
        run_in_worker(answer_freely, folder, *told).assign(step=step)
        for folder, step in ((start, 0), (checkpoint, summary["steps"]))
    ]
    return pd.concat(tables, ignore_index=True)


def ask_freely_elsewhere(
    start: Checkpoint,
    checkpoint: Path,
    summary: dict[str, Any],
    narrow: Path,
    emergent: Emergent,
    evaluation: Evaluation,
) -> pd.DataFrame:
    """The same of a checkpoint that was not trained here."""
    return ask_freely(checkpoint_folder(start), checkpoint, summary, narrow, emergent, evaluation)


def estimate_emergent(*items: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """Rates of all checkpoints before and after, with what changed."""
    return further.rates_by_step(gather.with_labels(labels, items), "emergent")


def collect_free_answers(*answers: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """All answers to open questions under one another."""
    return gather.with_labels(labels, answers)
