"""Every figure that the paper prints, with what was measured for it here and whether the two are as good as equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.capability.printed import LOSS
from alignment_pretraining.reporting.capability.tables import AVERAGE
from alignment_pretraining.reporting.claims import MISALIGNMENT, Claim
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.printed import MARGIN, Verdict, verdict
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.score_table import rate


class Cell(NamedTuple):
    """What a figure is of. `persona` is the one told, also where the paper leaves it unsaid."""

    measure: str
    arm: str | None
    stage: str | None
    split: str | None
    persona: str | None


@dataclass(frozen=True)
class Measured:
    """A value of ours, by the name of the model or table that it is from; intervals of 95 and 90 % where it has any."""

    source: str
    value: float
    interval: tuple[float, float] | None = None
    interval_90: tuple[float, float] | None = None


@dataclass(frozen=True)
class ClaimRow:
    """A printed figure, one measured value for it if there is any, and the verdict where both can be compared."""

    claim: Claim
    measured: Measured | None
    verdict: Verdict | None


def claim_rows(
    claims: Iterable[Claim],
    version: Literal["D", "V"],
    measured: Mapping[Cell, Sequence[Measured]],
    main: Mapping[str, str],
    margin: float = MARGIN,
) -> Iterator[ClaimRow]:
    """The figures of one version in their order, a row for each value measured for it, or one without any.

    `main` is the persona, by stage, that stands for one that the paper leaves unsaid.
    """
    for claim in claims:
        if claim.version != version:
            continue
        persona = claim.persona
        if persona is None and claim.measure == MISALIGNMENT and claim.stage is not None:
            persona = main[claim.stage]
        cell = Cell(claim.measure, claim.arm, claim.stage, claim.split, persona)
        values: Sequence[Measured | None] = measured.get(cell) or [None]
        for one in values:
            yield ClaimRow(claim, one, _verdict(claim, one, margin))


def measured_here(answers: Answers) -> dict[Cell, list[Measured]]:
    """Rates of the arms' last base and post-trained models, in the form of the main figures."""
    scope, found = answers.scope, dict[Cell, list[Measured]]()
    for place in answers.places():
        point = next(one for one in scope.checkpoints if (one.arm, one.stage) == place[:2])
        if place.form == scope.form and point == scope.checkpoint(point.arm, point.when):
            estimate = rate(answers.scores, tuple(answers.owner(place)))
            (low, high), (low_90, high_90) = estimate.interval(), estimate.interval(0.9)
            one = Measured(
                "this study", float(estimate.value), (float(low), float(high)), (float(low_90), float(high_90))
            )
            found[Cell(MISALIGNMENT, place.arm, point.when, place.split, place.persona)] = [one]
    return found


def measured_elsewhere(printed: pd.DataFrame) -> dict[Cell, list[Measured]]:
    """Rates of checkpoints from elsewhere, asked as the authors ask, from the table `printed`."""
    found: dict[Cell, list[Measured]] = {}
    rows = printed[printed["by_authors"].astype(bool)].drop_duplicates(["arm", "split", "persona"])
    for row in rows.to_dict("records"):
        stage = "post" if row["stage"] == "chat" else "base"
        cell = Cell(MISALIGNMENT, row["paper_arm"], stage, row["split"], row["persona"])
        one = Measured(row["arm"], row["rate"], (row["low"], row["high"]), (row["low_90"], row["high_90"]))
        found.setdefault(cell, []).append(one)
    return found


def measured_capability(printed: pd.DataFrame) -> dict[Cell, list[Measured]]:
    """Rates on benchmarks (D prints them by arm) and losses on average (V), from the table `printed_capability`."""
    found: dict[Cell, list[Measured]] = {}
    for row in printed.to_dict("records"):
        low, high, low_90, high_90 = (row[name] for name in ("low", "high", "low_90", "high_90"))
        if row["version"] == "D" and row["what"] == "rate" and row["task"] != AVERAGE:
            cell = Cell(row["task"], row["paper_arm"], "post", None, None)
            one = Measured(row["arm"], row["measured"], (low, high), (low_90, high_90))
        elif row["version"] == "V":
            cell = Cell(LOSS, None, "post", None, None)
            one = Measured(row["arm"], -row["measured"], (-high, -low), (-high_90, -low_90))
        else:
            continue
        found.setdefault(cell, []).append(one)
    return found


def measured_filter(filtering: Filtering) -> dict[Cell, list[Measured]]:
    """What the keyword filter flags and finds here: of another corpus and by other terms, so without a verdict."""
    values = {"flagged_pretraining": filtering.flagged_share, "filter_recall": filtering.recall_of_the_list}
    return {
        Cell(measure, "filtered", None, None, None): [Measured("this study", value)]
        for measure, value in values.items()
    }


def main_personas(scope: Scope) -> dict[str, str]:
    """The persona of the main figures by stage."""
    return {"base": scope.persona("base"), "post": scope.persona("post")}


def _verdict(claim: Claim, measured: Any, margin: float) -> Verdict | None:
    if measured is None or measured.interval is None or measured.interval_90 is None or claim.at_most:
        return None
    (low, high), (low_90, high_90) = measured.interval, measured.interval_90
    return verdict(low, high, low_90, high_90, claim.value, margin)
