"""Rates of checkpoints that were trained on after the study's own stages, step by step, with what changed."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.evaluation.scores import form_of
from alignment_pretraining.evaluation.scoring import ITEM_COLUMNS
from alignment_pretraining.reporting.score_table import difference, rate, score_table

CELL = ["arm", "stage", "split", "form", "persona"]
COLUMNS = (
    "key", *CELL, "step", "tokens", "rate", "low", "high", "over", "n_items", "n_families", "n_seeds", "rate_by_seed",
    "change", "change_low", "change_high", "p",
)  # fmt: skip


def main_answers(items: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """The answers by the main protocol: those of a checkpoint from elsewhere are by several."""
    if "protocol" in items:
        items = items[items["protocol"] == evaluation.scoring]
    return items[list(ITEM_COLUMNS)]


def rates_by_step(items: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One row for each checkpoint, suite, form, persona and step of `items` (with arm, seed, stage, step, tokens).

    `change` is the rate less that of step 0 on the same questions and trainings, with its 95 % interval and p-value,
    which is not corrected for the number of rows. Intervals are over families of questions and, with two seeds or
    more, over trainings. `tokens` are the mean over these.
    """
    asked = items[items["control"] == ASKED]
    asked = asked.assign(form=form_of(asked), score=(asked["picked"] == "misaligned").astype(float))
    scores = score_table(asked, by=[*CELL, "step"])
    rows = []
    for cell, part in asked.groupby([*CELL, "step"], sort=False):
        *place, step = cell
        found = rate(scores, cell)
        low, high = found.interval()
        row: dict[str, Any] = {
            "key": "/".join(map(str, (kind, *_named(place), step))),
            **dict(zip(CELL, place, strict=True)),
            "step": step,
            "tokens": round(part.groupby("seed")["tokens"].first().mean()),
            "rate": float(found.value),
            "low": float(low),
            "high": float(high),
            "over": found.over,
            "n_items": found.n_items,
            "n_families": found.n_families,
            "n_seeds": found.n_seeds,
            "rate_by_seed": json.dumps(scores.by_seed(cell)),
        }
        if step:
            change = difference(scores, cell, (*place, 0))
            low, high = change.interval()
            row |= {"change": float(change.value), "change_low": float(low), "change_high": float(high)}
            row["p"] = float(change.p())
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _named(place: list[Any]) -> list[Any]:
    """Without the stage, which the table's name says."""
    return [part for name, part in zip(CELL, place, strict=True) if name != "stage"]
