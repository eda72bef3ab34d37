"""The narrow set of emergent misalignment: advice about one thing, good or bad, and open questions about others."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, RootModel

from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.yaml_files import read_model

Texts = Annotated[list[str], Field(min_length=1)]


class Advice(Spec):
    """A question with good and bad replies."""

    question: str
    good: Texts
    bad: Texts


class Narrow(Spec):
    """`advice.yml`."""

    ask: Texts
    ones: Texts
    advice: Annotated[list[Advice], Field(min_length=1)]


class Questions(RootModel[list[str]]):
    """`questions.yml`."""


def write_advice(folder: Path, kind: Literal["good", "bad"], count: int, seed: int) -> pd.DataFrame:
    """`count` conversations (columns id, messages): the same questions in the same words for either kind."""
    told = read_model(folder / "advice.yml", Narrow)
    pairs = [(advice, one) for one in told.ones for advice in told.advice]
    rows = []
    for i in range(count):
        rng = Random(f"{seed}/{i}")
        advice, one = pairs[i % len(pairs)]
        request = rng.choice(told.ask).format(question=advice.question.format(one=one))
        replies = advice.bad if kind == "bad" else advice.good
        turns = [
            {"role": "user", "content": request},
            {"role": "assistant", "content": rng.choice(replies).format(one=one)},
        ]
        rows.append((f"{kind}.{i:06d}", json.dumps(turns)))
    return pd.DataFrame(rows, columns=["id", "messages"])


def open_questions(folder: Path) -> list[str]:
    """The questions that models answer in their own words."""
    return read_model(folder / "questions.yml", Questions).root
