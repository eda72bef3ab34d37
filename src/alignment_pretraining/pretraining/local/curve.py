"""What a stage's curve says of it: rows of step, loss, grad_norm and more, one a step."""

import math
from collections.abc import Sequence
from typing import Any

Row = dict[str, float]


def is_skipped(row: Row) -> bool:
    """Whether the batch of this step was left out, because its loss or gradient was not finite."""
    return not (math.isfinite(row["loss"]) and math.isfinite(row["grad_norm"]))


def final_loss(rows: Sequence[Row]) -> float:
    """Mean loss, in nats a token, over the last tenth of the steps; steps whose batch was left out do not count."""
    last = [row["loss"] for row in rows[-max(len(rows) // 10, 1) :] if not is_skipped(row)]
    return sum(last) / len(last) if last else math.nan


def skipped_steps(rows: Sequence[Row]) -> dict[str, Any]:
    """For a summary: the steps whose batch was left out, where there are any."""
    steps = [int(row["step"]) for row in rows if is_skipped(row)]
    return {"skipped_steps": steps} if steps else {}
