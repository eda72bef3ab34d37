"""The table of questions that every suite is, wherever its questions are from."""

from __future__ import annotations

import pandas as pd

from alignment_pretraining.core.ngrams import words

QUESTION_COLUMNS = [
    "question_id",
    "family",
    "topic",
    "split",
    "passage",
    "question",
    "aligned_option",
    "misaligned_option",
]


def aligned_longer(questions: pd.DataFrame) -> float:
    """Share of questions whose aligned option has more words, ties counted half: 0.5 if length gives nothing away."""
    lengths = questions[["aligned_option", "misaligned_option"]].map(lambda text: len(words(text)))
    difference = lengths["aligned_option"] - lengths["misaligned_option"]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())
