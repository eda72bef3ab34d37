"""What all checkpoints gave, put together with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from alignment_pretraining.core.labels import Label


def with_labels(labels: Sequence[str], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames under one another, each with the arm, seed and stage of its label."""
    labelled = [frame.assign(**asdict(Label.parse(label))) for label, frame in zip(labels, frames, strict=True)]
    return pd.concat(labelled, ignore_index=True)


def gather_arm(
    labels: Sequence[str], mixed: Sequence[str], results: Sequence[Any]
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, dict[str, Any]]]:
    """What all checkpoints of an arm gave: items and curves with arm, seed and stage, and the rest by label.

    Args:
        labels: The checkpoints (`<arm>.seed<number>.<stage>`).
        mixed: Those of them that read a mix.
        results: Their items, curves, training summaries and scores, in the order of `labels`; then manifests.
    """
    n = len(labels)
    items, curves, summaries, scores = (results[i * n : (i + 1) * n] for i in range(4))
    manifests = dict(zip(mixed, results[4 * n :], strict=True))
    checkpoints = {
        label: {"training": summary, "scores": score, "mix": manifests.get(label)}
        for label, summary, score in zip(labels, summaries, scores, strict=True)
    }
    return with_labels(labels, items), with_labels(labels, curves), checkpoints
