"""The paper's figures on capability, each version by itself, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pandas as pd

from alignment_pretraining.reporting.capability.tables import AVERAGE, Model, final_models, references
from alignment_pretraining.reporting.claims import CAPABILITIES, Claim, find_claim
from alignment_pretraining.reporting.printed import VERSIONS, verdict
from alignment_pretraining.study import Study

PRINTED_COLUMNS = (
    "key", "version", "what", "arm", "paper_arm", "stage", "task", "printed", "tolerance", "place", "measured", "low",
    "high", "low_90", "high_90", "gap", "verdict",
)  # fmt: skip
LOSS = "capability_average_loss"
BASELINE = "unfiltered"

Version = Literal["V", "D"]
Figure = tuple[float, float, str]  # value, error of reading or rounding, place


def capability_beside_printed(
    rates: pd.DataFrame, taxes: pd.DataFrame, study: Study, claims: Sequence[Claim]
) -> pd.DataFrame:
    """A row for each rate or tax of a post-trained model for which a version of the paper prints one.

    Version D prints seven rates an arm: taxes and averages are computed from them. V prints the loss on average alone,
    for no arm in particular. Averages are compared where exactly the paper's seven benchmarks were given.
    """
    rows: list[dict[str, Any]] = []
    for version in VERSIONS:
        for model, baseline in [(model, references(study).get(model)) for model in final_models(study)]:
            if model.kind == "post" and model.paper_arm:
                rows += _rates(version, model, rates, claims)
                rows += _taxes(version, model, taxes, claims) if baseline else []
    return pd.DataFrame(rows, columns=list(PRINTED_COLUMNS))


def _rates(version: Version, model: Model, rates: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[dict[str, Any]]:
    own = rates[(rates["arm"] == model.owner) & (rates["stage"] == model.stage)]
    for row in own.to_dict("records"):
        figure = _printed(version, str(model.paper_arm), row["task"], claims)
        if figure and _comparable(row["task"], own):
            yield _row(version, "rate", model, row, row["rate"], figure)


def _taxes(version: Version, model: Model, taxes: pd.DataFrame, claims: Sequence[Claim]) -> Iterator[dict[str, Any]]:
    own = taxes[(taxes["arm"] == model.arm) & (taxes["stage"] == model.stage)]
    for row in own.to_dict("records"):
        figure = _printed_tax(version, str(model.paper_arm), row["task"], claims)
        if figure and _comparable(row["task"], own):
            yield _row(version, "tax", model, row, row["difference"], figure)


def _comparable(task: str, rows: pd.DataFrame) -> bool:
    return task != AVERAGE or set(rows["task"]) - {AVERAGE} == set(CAPABILITIES)


def _printed_tax(version: Version, arm: str, task: str, claims: Sequence[Claim]) -> Figure | None:
    if version == "V":
        loss = find_claim(claims, version="V", arm=None, stage="post", measure=LOSS)
        return (-loss.value, loss.tolerance, loss.place) if loss and task == AVERAGE else None
    own, plain = (_printed(version, name, task, claims) for name in (arm, BASELINE))
    if own is None or plain is None:
        return None
    return own[0] - plain[0], own[1] + plain[1], f"difference of two figures: {own[2]}"


def _printed(version: Version, arm: str, task: str, claims: Sequence[Claim]) -> Figure | None:
    tasks = CAPABILITIES if task == AVERAGE else (task,)
    found = [find_claim(claims, version=version, arm=arm, stage="post", measure=one) for one in tasks]
    known = [claim for claim in found if claim]
    if len(known) < len(tasks):
        return None
    mean, tolerance = (sum(values) / len(known) for values in ([c.value for c in known], [c.tolerance for c in known]))
    place = known[0].place
    return mean, tolerance, f"mean of seven figures: {place}" if task == AVERAGE else place


def _row(
    version: Version, what: str, model: Model, row: dict[Any, Any], value: float, figure: Figure
) -> dict[str, Any]:
    printed, tolerance, place = figure
    interval = {name: row[name] for name in ("low", "high", "low_90", "high_90")}
    return {
        "key": f"printed_{what}/{version}/{model.arm}/{row['task']}",
        "version": version,
        "what": what,
        "arm": model.arm,
        "paper_arm": model.paper_arm,
        "stage": model.stage,
        "task": row["task"],
        "printed": printed,
        "tolerance": tolerance,
        "place": place,
        "measured": value,
        **interval,
        "gap": value - printed,
        "verdict": verdict(**interval, printed=printed),
    }
