"""`kedro claims`: what the paper prints beside what was measured, a table for each of its versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table

from alignment_pretraining.lineage.drift import check
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.claim_table import (
    Cell,
    ClaimRow,
    Measured,
    claim_rows,
    main_personas,
    measured_capability,
    measured_elsewhere,
    measured_filter,
    measured_here,
)
from alignment_pretraining.reporting.claims import MISALIGNMENT, Claim
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.scope import scope_of

Version = Literal["V", "D"]
_TITLES = {"V": "V: arXiv 2601.10160", "D": "D: feedback draft and forum post of December 2025, other models and data"}


def claims_table(graph: Graph, versions: Sequence[Version], margin: float) -> RenderableType:
    """The figures of each version: printed, measured with its 95 % interval, and the verdict at `margin`.

    Raises:
        UserError: a table is not what its record says.
    """
    parameters = Parameters.model_validate(graph.params)
    measured = _measured(graph, parameters)
    main = main_personas(scope_of(parameters.study, parameters.evaluation))
    tables = [
        _table(_TITLES[version], claim_rows(parameters.claims.root, version, measured, main, margin))
        for version in versions
    ]
    rule = (
        f"equivalent: the 90 % interval lies within {margin:g} of the printed figure; different: the 95 % interval "
        "lies beyond that; ~ measured from a published figure; ± over formats"
    )
    missing = [] if measured else [f"Nothing is measured yet: {graph.command_for_all}"]
    return Group(*tables, rule, *missing)


def _measured(graph: Graph, parameters: Parameters) -> dict[Cell, list[Measured]]:
    wanted = ("all_items", "printed", "printed_capability", "filter_quality", "corpus_account")
    here = [name for name in wanted if name in graph.makers and graph.digest(name)]
    check(graph, here, "these results are stale: they, or what they rest on,")
    found: list[dict[Cell, list[Measured]]] = []
    if "all_items" in here:
        found.append(
            measured_here(Answers(graph.catalog.load("all_items"), scope_of(parameters.study, parameters.evaluation)))
        )
    if "printed" in here:
        found.append(measured_elsewhere(graph.catalog.load("printed")))
    if "printed_capability" in here:
        found.append(measured_capability(graph.catalog.load("printed_capability")))
    if {"filter_quality", "corpus_account"} <= set(here):
        tables = (graph.catalog.load(name) for name in ("filter_quality", "corpus_account"))
        found.append(measured_filter(Filtering(*tables)))
    together: dict[Cell, list[Measured]] = {}
    for one in found:
        for cell, values in one.items():
            together.setdefault(cell, []).extend(values)
    return together


def _table(title: str, rows: Iterator[ClaimRow]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    for head in ("printed", "measured, 95 %"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("verdict", "of"):
        table.add_column(head, no_wrap=True)
    for row in rows:
        table.add_row(
            _figure(row.claim),
            _printed(row.claim),
            _value(row.measured),
            row.verdict or "",
            row.measured.source if row.measured else "",
        )
    return table


def _figure(claim: Claim) -> str:
    what = "" if claim.measure == MISALIGNMENT else claim.measure
    return " ".join(part for part in (claim.arm, claim.stage, claim.split, what, claim.persona) if part)


def _printed(claim: Claim) -> str:
    digits = 2 if claim.tolerance >= 0.005 else 4 if claim.tolerance < 0.0005 else 3
    sign = "≤ " if claim.at_most else "~" if claim.approximate else ""
    return f"{sign}{claim.value:.{digits}f}" + (f" ± {claim.sem:.3f}" if claim.sem is not None else "")


def _value(measured: Measured | None) -> str:
    if measured is None:
        return ""
    low_high = f" ({measured.interval[0]:.3f} to {measured.interval[1]:.3f})" if measured.interval else ""
    return f"{measured.value:.3f}{low_high}"
