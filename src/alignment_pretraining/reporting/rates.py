"""Tables of rates: by arm, stage, split and persona; by order of the options; and held-out losses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from alignment_pretraining.core.labels import Label
from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.evaluation.statistics import misalignment_gap, misalignment_rate, order_swap
from alignment_pretraining.reporting.claims import Claim, find_claim
from alignment_pretraining.reporting.scope import EvaluatedCheckpoint, Scope

RATE_COLUMNS = (
    "key", "arm", "stage", "split", "persona", "rate", "low", "high", "n_items", "n_families", "n_seeds",
    "rate_by_seed", "paper", "paper_version",
)  # fmt: skip
SWAP_COLUMNS = (
    "key", "arm", "stage", "split", "persona", "aligned_first", "misaligned_first", "gap", "low", "high", "share_a",
    "flipped",
)  # fmt: skip
LOSS_COLUMNS = ("key", "arm", "stage", "heldout_loss", "n_seeds", "loss_by_seed")


def rate_key(arm: str, stage: str, split: str, persona: str) -> str:
    """The name of a rate, as `kedro trace` takes it."""
    return f"rate/{arm}/{stage}/{split}/{persona}"


def rate_table(items: pd.DataFrame, scope: Scope, claims: list[Claim]) -> pd.DataFrame:
    """One row for each arm, stage, split and persona that was asked; `paper` is the value of version V, if any."""
    rows = []
    for checkpoint, split, persona, part in _groups(scope.main(items), scope):
        estimate = misalignment_rate(part)
        by_seed = {str(seed): misalignment_rate(own).rate for seed, own in part.groupby("seed")}
        claim = paper_claim(claims, "V", checkpoint, split, persona, scope)
        rows.append(
            {
                "key": rate_key(checkpoint.arm, checkpoint.stage, split, persona),
                **_place(checkpoint, split, persona),
                "rate": estimate.rate,
                "low": estimate.low,
                "high": estimate.high,
                "n_items": estimate.n_items,
                "n_families": estimate.n_families,
                "n_seeds": len(by_seed),
                "rate_by_seed": json.dumps(by_seed),
                "paper": claim.value if claim else None,
                "paper_version": claim.version if claim else None,
            }
        )
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS)).astype({"paper": float})


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


def swap_table(items: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """The rate under each order of the options; `gap` is misaligned first minus aligned first, on the same questions.

    `share_a` is the share of prompts on which the option named first is picked, `flipped` that of questions and
    templates whose pick changes with the order.
    """
    rows = []
    for checkpoint, split, persona, part in _groups(items[items["order"] != "none"], scope):
        orders = {str(name): own for name, own in part.groupby("order")}
        if checkpoint != scope.checkpoint(checkpoint.arm, checkpoint.when) or set(orders) != {
            "aligned_first",
            "misaligned_first",
        }:
            continue
        gap, swap = misalignment_gap(orders["misaligned_first"], orders["aligned_first"]), order_swap(part)
        rows.append(
            {
                "key": f"swap/{checkpoint.arm}/{checkpoint.stage}/{split}/{persona}",
                **_place(checkpoint, split, persona),
                "aligned_first": swap.rate_misaligned_is_b,
                "misaligned_first": swap.rate_misaligned_is_a,
                "gap": gap.gap,
                "low": gap.low,
                "high": gap.high,
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


def _groups(items: pd.DataFrame, scope: Scope) -> Iterator[tuple[EvaluatedCheckpoint, str, str, pd.DataFrame]]:
    """Items of each arm, stage, split and persona, in the order of the study; what was not asked is left out."""
    grouped = dict(list(items[items["control"] == ASKED].groupby(["arm", "stage", "split", "persona"])))
    run = scope.evaluation["run"]
    for checkpoint in scope.checkpoints:
        for split in scope.splits:
            for persona in run["base_personas" if checkpoint.when == "base" else "chat_personas"]:
                part = grouped.get((checkpoint.owner, checkpoint.stage, split, persona))
                if part is not None:
                    yield checkpoint, split, persona, part


def _place(checkpoint: EvaluatedCheckpoint, split: str, persona: str) -> dict[str, str]:
    return {"arm": checkpoint.arm, "stage": checkpoint.stage, "split": split, "persona": persona}
