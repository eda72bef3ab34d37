"""The study in one small file and one figure, which DVC compares between commits and experiments."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.scope import SPLITS, Scope
from alignment_pretraining.reporting.style import colour, drawing

DIGITS = 4
WIDTH = 7.6  # inches


def headline_numbers(rates: pd.DataFrame, contrasts: pd.DataFrame, scope: Scope) -> dict[str, Any]:
    """Rate by arm, and value, 95 % interval and verdict by declared contrast, without what is not known.

    Rates are those of the last base model, on the last suite, in the form and under the persona of the main figures.
    """
    found: dict[str, Any] = {"rate": {row["arm"]: round(row["rate"], DIGITS) for row in _main(rates, scope)}}
    for row in contrasts.to_dict("records"):
        numbers = {key: round(row[key], DIGITS) for key in ("value", "low", "high") if pd.notna(row[key])}
        found.setdefault("contrast", {})[row["name"]] = {**numbers, "verdict": row["verdict"]}
    return found


def draw_headline(rates: pd.DataFrame, contrasts: pd.DataFrame, scope: Scope) -> str:
    """The same with intervals, as SVG: a panel of rates, and one of contrasts where any is declared."""
    from matplotlib.figure import Figure

    main, declared = _main(rates, scope), contrasts.to_dict("records")
    drawn = io.StringIO()
    with drawing():
        height = 1.25 + 0.36 * max(len(main), len(declared))
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        panels = figure.subplots(1, 2 if declared else 1, squeeze=False)[0]
        title = f"{SPLITS[scope.last_split]}, told {scope.persona('base')}"
        panels[0].set(xlim=(-0.02, 1.02), xlabel="misalignment rate, 95 % interval", title=title)
        shades = [colour(scope.study.arms[row["arm"]]) for row in main]
        _intervals(panels[0], main, "rate", [row["arm"] for row in main], shades)
        if declared:
            panels[1].axvline(0, color="#8a8a8a", lw=0.9)
            panels[1].set(xlim=(-1.02, 1.02), xlabel="difference, 95 % interval", title="Declared contrasts")
            names = [f"{row['name']}: {row['verdict']}" for row in declared]
            _intervals(panels[1], declared, "value", names, ["#1f1f1f"] * len(declared))
        figure.savefig(drawn, format="svg", metadata={key: None for key in ("Date", "Creator", "Format", "Type")})
    return drawn.getvalue()


def _main(rates: pd.DataFrame, scope: Scope) -> list[dict[Any, Any]]:
    """The row of each arm, in the order of the study."""
    shown = rates[
        (rates["split"] == scope.last_split)
        & (rates["form"] == scope.form)
        & (rates["persona"] == scope.persona("base"))
    ]
    last = {arm: point.stage for arm in scope.arms if (point := scope.checkpoint(arm, "base"))}
    by_place = {(row["arm"], row["stage"]): row for row in shown.to_dict("records")}
    return [by_place[place] for place in last.items() if place in by_place]


def _intervals(axes: Any, rows: list[dict[Any, Any]], value: str, names: list[str], shades: list[str]) -> None:
    for place, (row, shade) in enumerate(zip(rows, shades, strict=True)):
        axes.plot([row["low"], row["high"]], [place, place], color=shade, lw=1.6)
        axes.plot(row[value], place, "o", ms=7, color=shade)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
