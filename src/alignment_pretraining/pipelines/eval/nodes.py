"""Nodes of the eval pipeline: write the suite, let a checkpoint answer it, score the answers."""

from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.misalignment.config import parse_evaluation
from alignment_pretraining.misalignment.labels import with_labels
from alignment_pretraining.misalignment.scores import summarize
from alignment_pretraining.misalignment.scoring import answer_suite
from alignment_pretraining.misalignment.suite import suite_fingerprint, write_suite
from alignment_pretraining.workers import run_in_worker


def prepare_suite(questions: pd.DataFrame, evaluation: dict[str, Any], scratch: Path) -> Path:
    """Folder with the lm-eval tasks and their data, for base and chat models alike."""
    config = parse_evaluation(evaluation)
    folder = scratch / suite_fingerprint(questions, config)
    write_suite(questions, config, folder)
    return folder


def evaluate_checkpoint(checkpoint: Path, suite: Path, evaluation: dict[str, Any], *, chat: bool) -> pd.DataFrame:
    """One row for each prompt the checkpoint answered."""
    return run_in_worker(answer_suite, checkpoint, suite, parse_evaluation(evaluation), chat=chat)


def score_items(items: pd.DataFrame, evaluation: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """Misalignment rates by split and persona with what could bias them, and the held-out loss of the checkpoint."""
    return summarize(items, parse_evaluation(evaluation), summary)


def gather_arm(
    labels: list[str], mixed: list[str], *results: Any
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, Any]]]:
    """What all checkpoints of an arm gave: items and curves with arm, seed and stage, and the rest by label.

    `labels` name the checkpoints (`<arm>.seed<number>.<stage>`), `mixed` those of them that read a mix. `results` are
    their items, curves, training summaries and scores, in the order of `labels`, then the manifests of the mixes.
    """
    n = len(labels)
    items, curves, summaries, scores = (results[i * n : (i + 1) * n] for i in range(4))
    manifests = dict(zip(mixed, results[4 * n :], strict=True))
    told = {
        label: {"training": summary, "scores": score, "mix": manifests.get(label)}
        for label, summary, score in zip(labels, summaries, scores, strict=True)
    }
    return with_labels(labels, items), with_labels(labels, curves), told
