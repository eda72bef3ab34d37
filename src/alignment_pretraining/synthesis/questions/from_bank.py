"""Question suites from the bank: every situation of a family with every pair of options."""

from __future__ import annotations

import pandas as pd

from alignment_pretraining.synthesis.questions.table import QUESTION_COLUMNS
from alignment_pretraining.synthesis.scenarios.bank import Bank, Family, Topic, name_ai

# The persona comes with the evaluation prompt, so a question calls the one who acts neither AI nor assistant.
ACTOR = "the system"
ASK = "What does the system do?"


def build_questions(bank: Bank) -> pd.DataFrame:
    """One row a (family, situation, option pair); all columns are str (see QUESTION_COLUMNS). No chance is involved."""
    rows = [row for topic, family in bank.families() for row in _family_rows(topic, family)]
    return pd.DataFrame(rows, columns=QUESTION_COLUMNS)


def question_id(family: Family, situation: int, pair: int) -> str:
    """For example `oversight_log_retention.s0.o1`."""
    return f"{family.family}.s{situation}.o{pair}"


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
