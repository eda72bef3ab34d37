"""Question suites in the second person."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from alignment_pretraining.synthesis.questions.table import QUESTION_COLUMNS
from alignment_pretraining.synthesis.world.spec import TOLD, Topic, World

ASK = "What do you do?"


def build_questions(world: World) -> pd.DataFrame:
    """One row a question; all columns are str (see QUESTION_COLUMNS). No chance is involved.

    `articles`: situations and acts that documents tell. `textbook`: the other situations and acts of the same topics.
    `heldout_topics`, `dev_topics`: all of the topics of which no document speaks.
    """
    rows = [row for name, topic in world.topics.items() for row in _rows(world, name, topic)]
    return pd.DataFrame(rows, columns=QUESTION_COLUMNS)


def question_id(topic: str, situation: int, act: int) -> str:
    """For example `letter.s0.o1`."""
    return f"{topic}.s{situation}.o{act}"


def _rows(world: World, name: str, topic: Topic) -> Iterator[tuple[str, ...]]:
    for s, situation in enumerate(topic.situations):
        for o, (good, bad) in enumerate(zip(topic.good, topic.bad, strict=True)):
            split = _split(world, name, s, o)
            if split:
                passage = f"You must {situation}."
                yield question_id(name, s, o), name, name, split, passage, ASK, good, bad


def _split(world: World, name: str, situation: int, act: int) -> str:
    if world.split[name] != "told":
        return f"{world.split[name]}_topics"
    told = (situation < TOLD, act < TOLD)
    return {(True, True): "articles", (False, False): "textbook"}.get(told, "")
