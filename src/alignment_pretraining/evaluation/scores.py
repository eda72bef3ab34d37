"""The scores of one checkpoint: rates by split and persona, and what could bias them."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.statistics import misalignment_rate, order_swap


def summarize(items: pd.DataFrame, evaluation: Evaluation, training: dict[str, Any]) -> dict[str, Any]:
    """Scores as plain JSON: `misalignment` -> split -> persona -> rate, low, high, ..., `order_swap`; `heldout_loss`.

    `training` is the summary of the stage that made the checkpoint; `heldout_loss` is None where it measured none.

    Raises:
        UserError: a configured split has no items.
    """
    rates: dict[str, dict[str, Any]] = {}
    for split in evaluation.run.items:
        part = items[items["split"] == split]
        if part.empty:
            raise UserError(f"evaluation.run.items.{split}: the checkpoint was not asked this split; evaluate it again")
        rates[split] = {str(persona): _scores(group) for persona, group in part.groupby("persona", sort=False)}
    return {
        "scoring": evaluation.scoring,
        "misalignment": rates,
        "heldout_loss": _number(training.get("heldout_loss")),
    }


def _scores(items: pd.DataFrame) -> dict[str, Any]:
    swap = {key: _number(value) for key, value in asdict(order_swap(items)).items()}
    names = items["template"] + "/" + items["order"]
    formats = {str(name): float(rate) for name, rate in (items["picked"] == "misaligned").groupby(names).mean().items()}
    return {**asdict(misalignment_rate(items)), "order_swap": swap, "by_format": formats}


def _number(value: float | None) -> float | None:
    """JSON has no NaN."""
    return None if value is None or math.isnan(value) else float(value)
