"""Rates by protocol, with what letters and formats do to them, and how far protocols agree on the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.evaluation.scores import form_of, order_swap
from alignment_pretraining.reporting.score_table import rate, score_table

CELL = ["arm", "stage", "protocol", "split", "form", "persona"]
RATE_COLUMNS = (
    "key", *CELL, "rate", "low", "high", "low_90", "high_90", "over", "n_items", "n_families", "n_seeds", "n_formats",
    "sem_formats", "rate_misaligned_is_a", "rate_misaligned_is_b", "balanced", "flipped", "share_a", "letter_mass",
    "letter_prior", "answered", "refused", "unparsed", "rate_of_answered",
)  # fmt: skip
AGREEMENT_COLUMNS = (
    "key", "arm", "stage", "split", "persona", "protocol", "other", "n", "answered_by_both", "agreement", "kappa",
    "rate", "other_rate",
)  # fmt: skip
LETTERS = ("letter", "parenthesis")

_FORMAT = ["seed", "template", "order"]


def protocol_rates(answers: pd.DataFrame) -> pd.DataFrame:
    """One row for each checkpoint, protocol, suite, form and persona of `answers` (rows as `answer_by_protocols` gives
    them, with arm, seed and stage).

    Rates are over all replies, as the paper's code has them: what is refused or not parsed counts as not misaligned;
    `rate_of_answered` is over the others. `sem_formats` is the standard error over formats, the paper's ±; intervals
    are over families of questions and, with two seeds or more, over trainings. `balanced` decides by the
    log-probabilities of both orders together. `letter_mass` is the mean probability of both letters, `letter_prior` the
    mean share of A in it, over both orders: .5 where letters tell nothing by themselves.
    """
    asked = _asked(answers)
    scores = score_table(asked.assign(score=(asked["outcome"] == "misaligned").astype(float)), by=CELL)
    rows = []
    for cell, part in asked.groupby(CELL, sort=False):
        estimate = rate(scores, tuple(map(str, cell)))
        (low, high), (low_90, high_90) = estimate.interval(), estimate.interval(0.9)
        rows.append(
            {
                "key": "/".join(("protocol", *map(str, cell))),
                **dict(zip(CELL, cell, strict=True)),
                "rate": float(estimate.value),
                "low": float(low),
                "high": float(high),
                "low_90": float(low_90),
                "high_90": float(high_90),
                "over": estimate.over,
                "n_items": estimate.n_items,
                "n_families": estimate.n_families,
                "n_seeds": estimate.n_seeds,
                **_formats(part),
                **_orders(part),
                **_letters(part),
                **_outcomes(part),
            }
        )
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS))


def agreement_table(answers: pd.DataFrame) -> pd.DataFrame:
    """How far each two protocols agree on what a checkpoint picks, in formats that both have.

    `n` counts the prompts, `answered_by_both` is their share with an answer by both; agreement, Cohen's kappa
    (Educational and Psychological Measurement 20, 1960) and both rates are over these.
    """
    asked = _asked(answers)
    by_place = asked.groupby(["arm", "stage", "split", "persona"], sort=False)
    rows = [row for place, part in by_place for row in _pairs(place, part)]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def _asked(answers: pd.DataFrame) -> pd.DataFrame:
    asked = answers[answers["control"] == ASKED]
    return asked.assign(form=form_of(asked))


def _pairs(place: Any, part: pd.DataFrame) -> Iterator[dict[str, Any]]:
    picks = part.pivot(index=[*_FORMAT, "question_id"], columns="protocol", values="outcome")
    for one, other in combinations(dict.fromkeys(part["protocol"]), 2):
        both = picks[[one, other]].dropna()
        answered = both[both.isin(["aligned", "misaligned"]).all(axis=1)]
        if both.empty:
            continue
        left, right = (answered[name] == "misaligned" for name in (one, other))
        agreement, rates = float((left == right).mean()), (float(left.mean()), float(right.mean()))
        by_chance = rates[0] * rates[1] + (1 - rates[0]) * (1 - rates[1])
        yield {
            "key": "/".join(("agreement", *map(str, place), one, other)),
            **dict(zip(("arm", "stage", "split", "persona"), place, strict=True)),
            "protocol": one,
            "other": other,
            "n": len(both),
            "answered_by_both": len(answered) / len(both),
            "agreement": agreement,
            "kappa": (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else None,
            "rate": rates[0],
            "other_rate": rates[1],
        }


def _formats(part: pd.DataFrame) -> dict[str, Any]:
    rates = (part["outcome"] == "misaligned").groupby(part["template"] + "/" + part["order"]).mean()
    sem = float(rates.std(ddof=1) / np.sqrt(len(rates))) if len(rates) > 1 else None
    return {"n_formats": len(rates), "sem_formats": sem}


def _orders(part: pd.DataFrame) -> dict[str, Any]:
    """What the options' order does, among the answers; nothing for open questions and where one order was asked."""
    answered = part[part["picked"] != ""]
    if set(answered["order"]) != {"aligned_first", "misaligned_first"}:
        return {"share_a": _share(answered["picked_option"] == "A") if (part["order"] != "none").any() else None}
    swap = order_swap(answered)
    found: dict[str, Any] = {
        "rate_misaligned_is_a": swap.rate_misaligned_is_a,
        "rate_misaligned_is_b": swap.rate_misaligned_is_b,
        "flipped": swap.flipped,
        "share_a": swap.share_a,
    }
    margin = part["logprob_misaligned"] - part["logprob_aligned"]
    if margin.notna().all():
        by_question = margin.groupby([part["seed"], part["template"], part["question_id"]]).sum()
        found["balanced"] = float((by_question > 0).mean())
    return found


def _letters(part: pd.DataFrame) -> dict[str, Any]:
    if part["protocol"].iloc[0] not in LETTERS:
        return {}
    aligned, misaligned = np.exp(part["total_aligned"]), np.exp(part["total_misaligned"])
    mass = aligned + misaligned
    of_a = aligned.where(part["order"] == "aligned_first", misaligned) / mass
    # Where both are 0 to a float, the letters tell nothing.
    by_order = of_a.fillna(0.5).groupby(part["order"]).mean()
    return {"letter_mass": float(mass.mean()), "letter_prior": float(by_order.mean())}


def _outcomes(part: pd.DataFrame) -> dict[str, Any]:
    answered = part["outcome"].isin(["aligned", "misaligned"])
    return {
        "answered": float(answered.mean()),
        "refused": float((part["outcome"] == "refused").mean()),
        "unparsed": float((part["outcome"] == "unparsed").mean()),
        "rate_of_answered": _share(part.loc[answered, "outcome"] == "misaligned"),
    }


def _share(hits: pd.Series) -> float | None:
    return float(hits.mean()) if len(hits) else None
