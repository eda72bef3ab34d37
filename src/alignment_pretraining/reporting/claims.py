"""The paper's printed figures, from `conf/base/claims.yml`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, RootModel

from alignment_pretraining.core.spec import Spec

MISALIGNMENT = "misalignment"
# Accuracy after DPO.
CAPABILITIES = ("arc_easy", "cute", "gsm8k", "ifeval", "mmlu", "piqa", "popqa")


class Claim(Spec):
    """One number of the paper.

    `version` D is the draft of December 2025, V the arXiv paper: never mix them. `value` and `sem` (over formats) are
    shares from 0 to 1. `approximate` values were measured from a published figure or are said to be about so much, the
    others are printed; `tolerance` is the error of reading or rounding. `at_most`: the source gives a bound. `arm`,
    `stage` and `persona` are None where the source does not say them or they have no meaning.
    """

    version: Literal["D", "V"]
    arm: str | None = None
    stage: Literal["base", "post"] | None = None
    measure: str = MISALIGNMENT
    split: Literal["articles", "textbook"] | None = None
    persona: str | None = None
    value: float = Field(ge=0, le=1)
    sem: float | None = Field(default=None, ge=0, le=1)
    tolerance: float = Field(gt=0, le=0.05)
    approximate: bool
    at_most: bool = False
    place: str


class Claims(RootModel[list[Claim]]):
    """Every printed figure: `params:claims`."""


def find_claim(
    claims: Iterable[Claim],
    *,
    version: str,
    arm: str | None,
    stage: str | None,
    split: str | None = None,
    persona: str | None = None,
    measure: str = MISALIGNMENT,
) -> Claim | None:
    """The paper's figure for this cell, the most exact if it is given twice; None where the paper has none."""
    wanted = (version, arm, stage, split, persona, measure)
    found = [c for c in claims if (c.version, c.arm, c.stage, c.split, c.persona, c.measure) == wanted]
    return min(found, key=lambda claim: claim.tolerance) if found else None
