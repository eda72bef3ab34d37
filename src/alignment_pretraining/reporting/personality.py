"""Trait scores: on how many items about a trait a model picks an option that is high in it."""

from __future__ import annotations

import json

import pandas as pd

from alignment_pretraining.evaluation.personality import LETTERS
from alignment_pretraining.reporting.score_table import rate, score_table

CELL = ["arm", "stage", "trait", "persona"]
TRAIT_COLUMNS = (
    "key", *CELL, "rate", "low", "high", "over", "n_items", "n_seeds", "rate_by_seed", "first_place",
)  # fmt: skip


def trait_table(answers: pd.DataFrame) -> pd.DataFrame:
    """One row for each checkpoint, trait and persona of `answers` (with arm, seed and stage).

    A model that picks at random has a rate of .5. Intervals are over items and, with two seeds or more, over trainings.
    `first_place` is how often the option named first is picked, where options are listed; .25 tells of no bias.
    """
    told = answers.assign(question_id=answers["item"], family=answers["item"], score=answers["high"].astype(float))
    scores = score_table(told, by=CELL)
    rows = []
    for cell, part in told.groupby(CELL, sort=False):
        found = rate(scores, cell)
        low, high = found.interval()
        listed = part["order"].nunique() == len(LETTERS)
        rows.append(
            {
                "key": "/".join(("trait", *map(str, cell))),
                **dict(zip(CELL, cell, strict=True)),
                "rate": float(found.value),
                "low": float(low),
                "high": float(high),
                "over": found.over.replace("families", "items"),
                "n_items": found.n_items,
                "n_seeds": found.n_seeds,
                "rate_by_seed": json.dumps(scores.by_seed(cell)),
                "first_place": float((part["picked_place"] == 0).mean()) if listed else None,
            }
        )
    return pd.DataFrame(rows, columns=list(TRAIT_COLUMNS))
