"""What declared contrasts show: an expected direction, or that there is no difference to speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from alignment_pretraining.reporting.statistics import Estimate

ALPHA = 0.05

Expected = Literal["higher", "lower", "equivalent"]
Verdict = Literal["shown", "opposite", "not shown", "equivalent", "undecided"]
VERDICT_COLUMNS = (
    "name", "primary", "expected", "margin", "value", "low", "high", "low_90", "high_90", "p", "p_within", "p_holm",
    "verdict", "n_items", "n_families", "n_seeds", "over",
)  # fmt: skip


@dataclass(frozen=True)
class Equivalence:
    """Whether an estimate is as good as zero: its 90 % interval, and the p-value of lying beyond the margin."""

    verdict: Literal["equivalent", "different", "undecided"]
    low: float
    high: float
    margin: float
    p: float


@dataclass(frozen=True)
class Primary:
    """A contrast declared before its numbers were seen: what is expected of it, and the margin within which it is none.

    Raises:
        ValueError: an expected equivalence states no margin.
    """

    name: str
    expected: Expected
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.expected == "equivalent" and self.margin is None:
            raise ValueError(f"{self.name}: an expected equivalence needs a margin")


def equivalence(estimate: Estimate, margin: float) -> Equivalence:
    """Equivalent: the 90 % interval lies within the margin (two one-sided tests at 5 %). Different: it lies beyond it.

    Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    low, high = map(float, estimate.interval(1 - 2 * ALPHA))
    p = float(estimate.p_within(margin))
    verdict: Literal["equivalent", "different", "undecided"] = "undecided"
    if p < ALPHA:
        verdict = "equivalent"
    elif low > margin or high < -margin:
        verdict = "different"
    return Equivalence(verdict, low, high, margin, p)


def judge(estimates: Mapping[str, Estimate], primaries: Sequence[Primary] = ()) -> pd.DataFrame:
    """A row for each contrast of `estimates`, in their order, with the columns `VERDICT_COLUMNS`.

    Holm's correction (Scandinavian J. Statistics 6, 1979) is taken over the primaries alone: of the p-value against no
    difference or, where equivalence is expected, against a difference beyond the margin. A primary that is not among
    the estimates counts with p = 1, so that leaving one out does not sharpen the others. All else is exploratory: no
    verdict, and `p` as it is.
    """
    declared = {primary.name: primary for primary in primaries}
    tested = [_tested(primary, estimates.get(name)) for name, primary in declared.items()]
    corrected = dict(zip(declared, holm(tested), strict=True))
    rows = []
    for name, estimate in estimates.items():
        row = _row(name, estimate)
        if name in declared:
            primary, p_holm = declared[name], float(corrected[name])
            row |= {"primary": True, "expected": primary.expected, "p_holm": p_holm}
            row["verdict"] = verdict(primary, estimate, p_holm)
            if primary.margin is not None:
                row |= {"margin": primary.margin, "p_within": float(estimate.p_within(primary.margin))}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down method (family-wise error), in the given order."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if len(p_values) else []


def verdict(primary: Primary, estimate: Estimate, p_holm: float) -> Verdict:
    """What a primary contrast shows, given its p-value as corrected.

    Of an expected direction: shown, opposite (both below 5 % after correction), equivalent (not clear, and within the
    margin if one is stated), or not shown. Of an expected equivalence: equivalent, opposite (the 90 % interval lies
    beyond the margin), or undecided.
    """
    close = equivalence(estimate, primary.margin).verdict if primary.margin is not None else "undecided"
    if primary.expected == "equivalent":
        return "equivalent" if p_holm < ALPHA else "opposite" if close == "different" else "undecided"
    if p_holm < ALPHA:
        return "shown" if (estimate.value > 0) == (primary.expected == "higher") else "opposite"
    return "equivalent" if close == "equivalent" else "not shown"


def _tested(primary: Primary, estimate: Estimate | None) -> float:
    if estimate is None:
        return 1.0
    if primary.expected == "equivalent" and primary.margin is not None:
        return float(estimate.p_within(primary.margin))
    return float(estimate.p())


def _row(name: str, estimate: Estimate) -> dict[str, object]:
    (low, high), (low_90, high_90) = estimate.interval(), estimate.interval(1 - 2 * ALPHA)
    return {
        "name": name,
        "primary": False,
        "value": float(estimate.value),
        "low": float(low),
        "high": float(high),
        "low_90": float(low_90),
        "high_90": float(high_90),
        "p": float(estimate.p()),
        "n_items": estimate.n_items,
        "n_families": estimate.n_families,
        "n_seeds": estimate.n_seeds,
        "over": estimate.over,
    }
