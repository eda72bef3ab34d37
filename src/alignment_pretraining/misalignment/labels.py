"""Labels of checkpoints: `<arm>.seed<number>.<stage>`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from alignment_pretraining.errors import UserError


def split_label(label: str) -> dict[str, Any]:
    """Arm, seed and stage out of a label such as `aligned_e2e.seed0.midtraining`.

    Raises:
        UserError: the label has another shape.
    """
    arm, _, rest = label.partition(".seed")
    seed, _, stage = rest.partition(".")
    if not (arm and seed.isdigit() and stage):
        raise UserError(f"{label!r} does not read <arm>.seed<number>.<stage>")
    return {"arm": arm, "seed": int(seed), "stage": stage}


def with_labels(labels: list[str], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames under one another, each with the arm, seed and stage of its label."""
    return pd.concat(
        [frame.assign(**split_label(label)) for label, frame in zip(labels, frames, strict=True)], ignore_index=True
    )
