"""How often answers to open questions were judged misaligned, before narrow training and after it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.score_table import rate, score_table

CELL = ["arm", "stage", "persona", "step"]
JUDGED_COLUMNS = (
    "key", *CELL, "rate", "low", "high", "over", "n_items", "n_seeds", "rate_by_seed", "rate_of_coherent", "incoherent",
    "unscored",
)  # fmt: skip


def judged_table(answers: pd.DataFrame) -> pd.DataFrame:
    """One row for each checkpoint, persona and step of `answers` (with arm, seed, stage, step and outcome).

    `rate` is over all answers that were scored, as in the authors' code, where incoherent ones count as not misaligned;
    `rate_of_coherent` is over the others. Intervals are over questions and, with two seeds or more, over trainings.

    Raises:
        UserError: no answer was scored.
    """
    scored = answers[answers["outcome"] != "unscored"]
    if scored.empty:
        raise UserError("the judge scored no answer; look at data/00_responses, or ask another model: emergent.judge")
    told = scored.assign(
        question_id=scored["question"],
        family=scored["question"],
        score=(scored["outcome"] == "misaligned").astype(float),
    )
    scores = score_table(told, by=CELL)
    rows: list[dict[str, Any]] = []
    for cell, part in told.groupby(CELL, sort=False):
        found = rate(scores, cell)
        low, high = found.interval()
        coherent = part[part["outcome"] != "incoherent"]
        same = (answers[CELL] == pd.Series(dict(zip(CELL, cell, strict=True)))).all(axis=1)
        rows.append(
            {
                "key": "/".join(map(str, ("judged", cell[0], *cell[2:]))),
                **dict(zip(CELL, cell, strict=True)),
                "rate": float(found.value),
                "low": float(low),
                "high": float(high),
                "over": found.over.replace("families", "questions"),
                "n_items": found.n_items,
                "n_seeds": found.n_seeds,
                "rate_by_seed": json.dumps(scores.by_seed(cell)),
                "rate_of_coherent": float((coherent["outcome"] == "misaligned").mean()) if len(coherent) else None,
                "incoherent": float((part["outcome"] == "incoherent").mean()),
                "unscored": float((answers.loc[same, "outcome"] == "unscored").mean()),
            }
        )
    return pd.DataFrame(rows, columns=list(JUDGED_COLUMNS))
