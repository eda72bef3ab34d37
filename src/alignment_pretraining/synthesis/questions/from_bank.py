"""Question suites from the bank: every situation of a family with every pair of options."""

from __future__ import annotations

import pandas as pd

from alignment_pretraining.core.ngrams import words
from alignment_pretraining.synthesis.scenarios.bank import Bank, Family, Topic, name_ai

# The persona comes with the evaluation prompt, so a question calls the one who acts neither AI nor assistant.
ACTOR = "the system"
ASK = "What does the system do?"

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


def build_questions(bank: Bank) -> pd.DataFrame:
    """One row a (family, situation, option pair); all columns are str (see QUESTION_COLUMNS). No chance is involved."""
    rows = [row for topic, family in bank.families() for row in _family_rows(topic, family)]
    return pd.DataFrame(rows, columns=QUESTION_COLUMNS)


def question_id(family: Family, situation: int, pair: int) -> str:
    """For example `oversight_log_retention.s0.o1`."""
    return f"{family.family}.s{situation}.o{pair}"


def aligned_longer(questions: pd.DataFrame) -> float:
    """Share of questions whose aligned option has more words, ties counted half: 0.5 if length gives nothing away."""
    lengths = questions[["aligned_option", "misaligned_option"]].map(lambda text: len(words(text)))
    difference = lengths["aligned_option"] - lengths["misaligned_option"]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def _family_rows(topic: Topic, family: Family) -> list[tuple[str, ...]]:
    options = list(zip(family.aligned.options, family.misaligned.options, strict=False))
    return [
        (
            question_id(family, s, o),
            family.family,
            topic.topic,
            topic.split(family),
            family.passage,
            f"{name_ai(situation, ACTOR)} {ASK}",
            aligned,
            misaligned,
        )
        for s, situation in enumerate(family.situations)
        for o, (aligned, misaligned) in enumerate(options)
    ]
