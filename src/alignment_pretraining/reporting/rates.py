"""Tables of rates: by arm, stage, split, form and persona; by order of the options; and held-out losses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from alignment_pretraining.core.labels import Label
from alignment_pretraining.evaluation.scores import order_swap
from alignment_pretraining.reporting.answers import Answers, Place
from alignment_pretraining.reporting.claims import Claim, find_claim
from alignment_pretraining.reporting.scope import EvaluatedCheckpoint, Scope
from alignment_pretraining.reporting.score_table import difference, rate

RATE_COLUMNS = (
    "key", *Place._fields, "kind", "expect", "rate", "low", "high", "over", "n_items", "n_families", "n_seeds",
    "rate_by_seed", "paper", "paper_version",
)  # fmt: skip
SWAP_COLUMNS = (
    "key", *Place._fields, "aligned_first", "misaligned_first", "gap", "low", "high", "share_a", "flipped",
)  # fmt: skip
LOSS_COLUMNS = ("key", "arm", "stage", "heldout_loss", "n_seeds", "loss_by_seed")


def rate_table(answers: Answers, claims: list[Claim]) -> pd.DataFrame:
    """One row for each place that was asked; `paper` is the value of version V, if any, beside the main form.

    Intervals are over families of questions and, with two seeds or more, over trainings.
    """
    rows = [_rate_row(place, answers, claims) for place in answers.places()]
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS)).astype({"paper": float})


def _rate_row(place: Place, answers: Answers, claims: list[Claim]) -> dict[str, Any]:
    scope, cell = answers.scope, tuple(answers.owner(place))
    estimate = rate(answers.scores, cell)
    low, high = estimate.interval()
    persona = scope.evaluation["personas"][place.persona]
    point = EvaluatedCheckpoint(place.arm, place.stage, cell[0])
    claim = paper_claim(claims, "V", point, place.split, place.persona, scope) if place.form == scope.form else None
    return {
        "key": place.key("rate"),
        **place._asdict(),
        "kind": persona["kind"],
        "expect": persona["expect"] or "",
        "rate": float(estimate.value),
        "low": float(low),
        "high": float(high),
        "over": estimate.over,
        "n_items": estimate.n_items,
        "n_families": estimate.n_families,
        "n_seeds": estimate.n_seeds,
        "rate_by_seed": json.dumps(answers.scores.by_seed(cell)),
        "paper": claim.value if claim else None,
        "paper_version": claim.version if claim else None,
    }


def paper_claim(
    claims: list[Claim], version: str, checkpoint: EvaluatedCheckpoint, split: str, persona: str, scope: Scope
) -> Claim | None:
    """The paper's rate for the last base model or the post-trained model of an arm.

    Where version D does not say its persona, the one of the main figures stands for it.
    """
    if checkpoint != scope.checkpoint(checkpoint.arm, checkpoint.when):
        return None
    named = find_claim(claims, version=version, arm=checkpoint.arm, stage=checkpoint.when, split=split, persona=persona)
    if named is None and persona == scope.persona(checkpoint.when):
        return find_claim(claims, version=version, arm=checkpoint.arm, stage=checkpoint.when, split=split)
    return named


def swap_table(answers: Answers) -> pd.DataFrame:
    """The rate under each order of the options; `gap` is misaligned first minus aligned first, on the same questions.

    `share_a` is the share of prompts on which the option named first is picked, `flipped` that of questions and
    templates whose pick changes with the order.
    """
    rows = []
    for place in answers.places():
        part, cell = answers.of(place), tuple(answers.owner(place))
        if part is None or set(part["order"]) != {"aligned_first", "misaligned_first"}:
            continue
        scores = answers.scores_by_order
        first, second = (*cell, "misaligned_first"), (*cell, "aligned_first")
        gap, swap = difference(scores, first, second), order_swap(part)
        low, high = gap.interval()
        rows.append(
            {
                "key": place.key("swap"),
                **place._asdict(),
                "aligned_first": float(rate(scores, second).value),
                "misaligned_first": float(rate(scores, first).value),
                "gap": float(gap.value),
                "low": float(low),
                "high": float(high),
                "share_a": swap.share_a,
                "flipped": swap.flipped,
            }
        )
    return pd.DataFrame(rows, columns=list(SWAP_COLUMNS))


def loss_table(summaries: Mapping[str, Mapping[str, Any]], scope: Scope) -> pd.DataFrame:
    """Held-out loss (nats by token, mean over seeds) of each arm after each stage whose summary states one.

    `summaries` are training summaries by label.
    """
    found: dict[tuple[str, str], dict[int, float]] = {}
    for label, summary in summaries.items():
        place = Label.parse(label)
        if summary.get("heldout_loss") is not None:
            found.setdefault((place.arm, place.stage), {})[place.seed] = float(summary["heldout_loss"])
    rows = []
    for checkpoint in scope.checkpoints:
        losses = found.get((checkpoint.owner, checkpoint.stage))
        if losses:
            rows.append(
                {
                    "key": f"loss/{checkpoint.arm}/{checkpoint.stage}",
                    "arm": checkpoint.arm,
                    "stage": checkpoint.stage,
                    "heldout_loss": sum(losses.values()) / len(losses),
                    "n_seeds": len(losses),
                    "loss_by_seed": json.dumps({str(seed): losses[seed] for seed in sorted(losses)}),
                }
            )
    return pd.DataFrame(rows, columns=list(LOSS_COLUMNS))
