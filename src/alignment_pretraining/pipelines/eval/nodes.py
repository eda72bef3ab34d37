"""Nodes of the eval pipeline: write the suite, let checkpoints and n-grams answer it, score the answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.evaluation.baseline import answer_by_ngrams
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.own_suites import add_own_suites
from alignment_pretraining.evaluation.scores import summarize
from alignment_pretraining.evaluation.scoring import answer_suite
from alignment_pretraining.evaluation.suite import suite_fingerprint, write_suite
from alignment_pretraining.execution.workers import run_in_worker


def prepare_suite(questions: pd.DataFrame, evaluation: Evaluation, scratch: Path, suites: Path | None = None) -> Path:
    """Folder with the lm-eval tasks and their data, for base and chat models alike.

    `suites` is the folder of a user's own question files, which are added where `evaluation.run.items` names them.
    """
    if suites:
        questions = add_own_suites(questions, suites, evaluation)
    folder = scratch / suite_fingerprint(questions, evaluation)
    write_suite(questions, evaluation, folder)
    return folder


def evaluate_checkpoint(checkpoint: Path, suite: Path, evaluation: Evaluation, *, chat: bool) -> pd.DataFrame:
    """One row for each prompt the checkpoint answered."""
    return run_in_worker(answer_suite, checkpoint, suite, evaluation, chat=chat)


def answer_ngrams(
    tokenizer: Path, suite: Path, evaluation: Evaluation, *mixes: Path, sources: Sequence[str]
) -> pd.DataFrame:
    """The n-gram baseline of an arm that read the streams `mixes`, in which documents of `sources` were inserted."""
    return run_in_worker(answer_by_ngrams, mixes, sources, tokenizer, suite, evaluation)


def score_items(items: pd.DataFrame, evaluation: Evaluation, summary: dict[str, Any]) -> dict[str, Any]:
    """Misalignment rates by split and persona with what could bias them, and the held-out loss of the checkpoint."""
    return summarize(items, evaluation, summary)
