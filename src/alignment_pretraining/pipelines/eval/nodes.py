"""Nodes of the eval pipeline: write the suite, let checkpoints and n-grams answer it, score the answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.evaluation.baseline import answer_by_ngrams
from alignment_pretraining.evaluation.capability.answer import answer_capability
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.evaluation.checkpoints import checkpoint_folder
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.own_suites import COLUMNS, add_own_suites
from alignment_pretraining.evaluation.protocols import answer_by_protocols
from alignment_pretraining.evaluation.scores import summarize
from alignment_pretraining.evaluation.scoring import answer_suite
from alignment_pretraining.evaluation.suite import suite_fingerprint, write_suite
from alignment_pretraining.evaluation.suite_sources import SuiteSources, read_suites
from alignment_pretraining.execution.workers import run_in_worker
from alignment_pretraining.study import Checkpoint


def prepare_suite(
    questions: pd.DataFrame,
    evaluation: Evaluation,
    scratch: Path,
    suites: Path | None = None,
    sources: SuiteSources | None = None,
) -> Path:
    """Folder with the lm-eval tasks and their data, for base and chat models alike.

    `suites` is the folder of a user's own question files, which are added where `evaluation.run.items` names them;
    `sources` are suites from elsewhere.
    """
    if suites:
        questions = add_own_suites(questions, suites, evaluation)
    if sources:
        questions = pd.concat([questions, read_suites(sources)], ignore_index=True)
    folder = scratch / suite_fingerprint(questions, evaluation)
    write_suite(questions, evaluation, folder)
    return folder


def prepare_suite_from_elsewhere(
    suite_sources: SuiteSources, evaluation: Evaluation, scratch: Path, suites: Path
) -> Path:
    """The same of suites from elsewhere and a user's own alone."""
    return prepare_suite(pd.DataFrame(columns=list(COLUMNS), dtype=str), evaluation, scratch, suites, suite_sources)


def evaluate_checkpoint(checkpoint: Path, suite: Path, evaluation: Evaluation, *, chat: bool) -> pd.DataFrame:
    """One row for each prompt the checkpoint answered."""
    return run_in_worker(answer_suite, checkpoint, suite, evaluation, chat=chat)


def evaluate_from_elsewhere(checkpoint: Checkpoint, suite: Path, evaluation: Evaluation, scratch: Path) -> pd.DataFrame:
    """One row for each prompt and protocol that a checkpoint which was not trained here answered."""
    folder = checkpoint_folder(checkpoint)
    return run_in_worker(answer_by_protocols, folder, suite, evaluation, scratch, chat=checkpoint.chat)


def ask_by_protocols(
    checkpoint: Path, suite: Path, evaluation: Evaluation, scratch: Path, *, chat: bool
) -> pd.DataFrame:
    """The same of a checkpoint that was trained here."""
    return run_in_worker(answer_by_protocols, checkpoint, suite, evaluation, scratch, chat=chat)


def give_benchmarks(
    checkpoint: Path, capability: Capability, scratch: Path, everyday_facts: Path | None = None, *, chat: bool
) -> pd.DataFrame:
    """One row for each item and metric of the benchmarks that the checkpoint was given.

    `everyday_facts` is the folder with the data of the task of that name, where it is asked.
    """
    return run_in_worker(answer_capability, checkpoint, capability, scratch, everyday_facts, chat=chat)


def give_benchmarks_elsewhere(
    checkpoint: Checkpoint, capability: Capability, scratch: Path, everyday_facts: Path | None = None
) -> pd.DataFrame:
    """The same of a checkpoint that was not trained here."""
    folder = checkpoint_folder(checkpoint)
    return run_in_worker(answer_capability, folder, capability, scratch, everyday_facts, chat=checkpoint.chat)


def score_main_protocol(items: pd.DataFrame, evaluation: Evaluation) -> dict[str, Any]:
    """`score_items` of the main protocol's rows."""
    return summarize(items[items["protocol"] == evaluation.scoring], evaluation, {})


def answer_ngrams(
    tokenizer: Path, suite: Path, evaluation: Evaluation, *mixes: Path, sources: Sequence[str]
) -> pd.DataFrame:
    """The n-gram baseline of an arm that read the streams `mixes`, in which documents of `sources` were inserted."""
    return run_in_worker(answer_by_ngrams, mixes, sources, tokenizer, suite, evaluation)


def score_items(items: pd.DataFrame, evaluation: Evaluation, summary: dict[str, Any]) -> dict[str, Any]:
    """Misalignment rates by split and persona with what could bias them, and the held-out loss of the checkpoint."""
    return summarize(items, evaluation, summary)
