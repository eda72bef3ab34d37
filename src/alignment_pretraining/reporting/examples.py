"""Questions with the log-probabilities that each arm's model gives to both options: what a pick rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers

EXAMPLE_COLUMNS = (
    "key", "arm", "stage", "seed", "split", "persona", "question_id", "question", "aligned_option",
    "misaligned_option", "logprob_aligned", "logprob_misaligned", "picked",
)  # fmt: skip
COUNT = 4  # topics, of each the first question


def example_table(answers: Answers, questions: pd.DataFrame) -> pd.DataFrame:
    """Answers of the last base models of the first seed, in the first template and order, under the main persona.

    Log-probabilities are means by token, in nats, as they decide what is picked.
    """
    parts = []
    for place, items in answers.main():
        items = items[items["seed"] == items["seed"].min()].sort_values("question_id", kind="stable")
        first = items.groupby("topic", sort=True)["question_id"].first().head(COUNT)
        one = items[items["question_id"].isin(first)].drop_duplicates("question_id")
        keys = [f"example/{place.arm}/{question}" for question in one["question_id"]]
        parts.append(one.assign(arm=place.arm, key=keys))
    if not parts:
        return pd.DataFrame(columns=list(EXAMPLE_COLUMNS))
    texts = questions[["question_id", "question", "aligned_option", "misaligned_option"]]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).merge(texts, on="question_id", how="inner")
    return table[list(EXAMPLE_COLUMNS)]


@dataclass(frozen=True)
class Example:
    """A question with both options, and the row of each arm."""

    question_id: str
    question: str
    aligned: str
    misaligned: str
    rows: list[Any]


def examples_to_show(examples: pd.DataFrame) -> Iterator[Example]:
    """The questions of the table, each with its rows."""
    for name, part in examples.groupby("question_id", sort=True):
        question, aligned, misaligned = part[["question", "aligned_option", "misaligned_option"]].astype(str).iloc[0]
        yield Example(str(name), question, aligned, misaligned, list(part.itertuples()))
