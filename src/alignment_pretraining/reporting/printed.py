"""What was measured beside what the paper prints, version by version, and whether the two are as good as equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from alignment_pretraining.reporting.claims import Claim, find_claim
from alignment_pretraining.study import Checkpoint

VERSIONS: tuple[Literal["V", "D"], ...] = ("V", "D")
# A difference from a printed rate that is none to speak of.
MARGIN = 0.05
# How the paper's authors ask: base models by the letter after "(", chat models by what they write.
AUTHORS = {"base": "parenthesis", "post": "generated"}

PRINTED_COLUMNS = (
    "key", "version", "arm", "paper_arm", "stage", "split", "persona", "protocol", "by_authors", "printed",
    "printed_sem", "approximate", "place", "rate", "low", "high", "low_90", "high_90", "sem_formats", "difference",
    "verdict",
)  # fmt: skip

Verdict = Literal["equivalent", "different", "undecided"]


def beside_printed(
    rates: pd.DataFrame,
    checkpoints: Mapping[str, Checkpoint],
    claims: Sequence[Claim],
    main: Mapping[str, str],
    margin: float = MARGIN,
) -> pd.DataFrame:
    """A row for each rate of `protocol_rates` for which the paper prints one of the same arm, version by version.

    `main` is the persona, by stage, that stands for the one where a version does not say it. Questions that list their
    options alone are compared: the paper asks no others.
    """
    rows = [
        _row(row, checkpoints[row["arm"]], claim, claim_stage, margin)
        for version in VERSIONS
        for row in rates[(rates["form"] == "listed") & rates["arm"].isin(checkpoints)].to_dict("records")
        for claim, claim_stage in _claims(row, checkpoints[row["arm"]], claims, version, main)
    ]
    return pd.DataFrame(rows, columns=list(PRINTED_COLUMNS))


def verdict(low: float, high: float, low_90: float, high_90: float, printed: float, margin: float = MARGIN) -> Verdict:
    """Equivalent: the 90 % interval lies within `margin` of the printed rate (two one-sided tests at 5 %). Different:
    the 95 % interval lies beyond it. Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987).
    """
    if printed - margin <= low_90 and high_90 <= printed + margin:
        return "equivalent"
    return "different" if low > printed + margin or high < printed - margin else "undecided"


def _claims(
    row: Mapping[Any, Any], checkpoint: Checkpoint, claims: Sequence[Claim], version: str, main: Mapping[str, str]
) -> Iterator[tuple[Claim, str]]:
    if checkpoint.paper is None:
        return
    stage, persona = ("post" if checkpoint.chat else "base"), str(row["persona"])
    told = [persona, None] if persona == main[stage] else [persona]
    cell: dict[str, Any] = {"version": version, "arm": checkpoint.paper, "stage": stage, "split": row["split"]}
    found = (find_claim(claims, persona=name, **cell) for name in told)
    if claim := next((one for one in found if one), None):
        yield claim, stage


def _row(row: Mapping[Any, Any], checkpoint: Checkpoint, claim: Claim, stage: str, margin: float) -> dict[str, Any]:
    interval = {name: row[name] for name in ("low", "high", "low_90", "high_90")}
    return {
        "key": "/".join(("printed", claim.version, *(row[name] for name in ("arm", "protocol", "split", "persona")))),
        "version": claim.version,
        **{name: row[name] for name in ("arm", "stage", "split", "persona", "protocol", "rate", "sem_formats")},
        **interval,
        "paper_arm": checkpoint.paper,
        "by_authors": row["protocol"] == AUTHORS[stage],
        "printed": claim.value,
        "printed_sem": claim.sem,
        "approximate": claim.approximate,
        "place": claim.place,
        "difference": row["rate"] - claim.value,
        "verdict": verdict(**interval, printed=claim.value, margin=margin),
    }
