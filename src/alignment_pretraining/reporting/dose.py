"""Dose and response: the rate by the share of documents that the arms read, where a study has several doses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.marks import Plot, hover, interval, points, single, trainings
from alignment_pretraining.reporting.picture import reading
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import colour, link
from alignment_pretraining.study import AI

WIDTH = 4.4  # inches
LEAST = 3  # doses that make a figure
_ACROSS = "documents of each actor, % of tokens"
_Line = tuple[str, str, list[tuple[float, dict[Any, Any]]]]  # shade, label, and (dose, row of `rates`) in order


def dose_series(scope: Scope) -> list[dict[float, str]]:
    """Arms that differ in nothing but their dose, as arm by dose; series of fewer than `LEAST` doses are left out."""
    series: dict[str, dict[float, str]] = {}
    for name in scope.arms:
        arm = scope.study.arms[name]
        if arm.discourse:
            alike = arm.model_dump_json(exclude={"share"})
            series.setdefault(alike, {})[_dose(name, scope)] = name
    return [dict(sorted(arms.items())) for arms in series.values() if len(arms) >= LEAST]


def draw_doses(rates: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`dose-<persona>` for the main persona and each actor of the documents: base models on the last suite, a line a
    series of arms through the means, small marks for single trainings."""
    from matplotlib.figure import Figure

    for persona, lines in _lines(rates, scope).items():
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        axes = figure.add_subplot(title=f"told: {PERSONA_NAMES.get(persona, persona)}")
        for shade, label, found in lines:
            for dose, row in found:
                seeds = list(json.loads(row["rate_by_seed"]).values())
                axes.plot([100 * dose] * len(seeds), seeds, "o", ms=3.5, mfc="white", mec=shade, mew=1)
                link(axes.plot(100 * dose, row["rate"], "o", color=shade), row["key"])
            axes.plot(
                [100 * dose for dose, _ in found], [row["rate"] for _, row in found], "o-", color=shade, label=label
            )
        doses = _doses(lines)
        axes.set_xscale("symlog" if 0 in doses else "log")
        axes.set_xticks(doses, [f"{dose:g}" for dose in doses], minor=False)
        axes.minorticks_off()
        axes.set(ylim=(-0.02, 1.02), xlabel=_ACROSS, ylabel=f"rate, {SPLITS[scope.last_split].lower()}")
        figure.legend(loc="outside lower left", ncols=1)
        save(figure, folder / f"dose-{persona}")


def plot_doses(rates: pd.DataFrame, scope: Scope) -> dict[str, Plot]:
    """The same figures, to be pointed at. Doses stand one beside the other, at equal distances."""
    plots: dict[str, Plot] = {}
    for persona, lines in _lines(rates, scope).items():
        doses, data = _doses(lines), []
        for shade, label, found in lines:
            places = [doses.index(100 * dose) for dose, _ in found]
            rows = [row for _, row in found]
            small = [(x, y) for x, row in zip(places, rows, strict=True) for y in trainings(row, "rate_by_seed")]
            data.append(single([x for x, _ in small], [y for _, y in small], shade))
            texts = [hover(row, "rate", f"<b>{row['arm']}</b>: {100 * dose:g} %") for dose, row in found]
            line = {"mode": "lines+markers", "name": label, "line": {"color": shade}, "marker": {"size": 9}}
            bars = {**interval(rows, "rate"), "color": shade}
            data.append(points(rows, texts, x=places, y=[row["rate"] for row in rows], **line, error_y=bars))
        ticks = {"tickvals": list(range(len(doses))), "ticktext": [f"{dose:g}" for dose in doses]}
        layout = {
            "title": {"text": f"told: {PERSONA_NAMES.get(persona, persona)}"},
            "xaxis": {"title": {"text": _ACROSS}, **ticks, "range": [-0.4, len(doses) - 0.6], "zeroline": False},
            "yaxis": {"title": {"text": f"rate, {SPLITS[scope.last_split].lower()}"}, "range": [-0.02, 1.02]},
            "height": 380,
        }
        plots[f"dose-{persona}"] = {"data": data, "layout": layout}
    return plots


def _lines(rates: pd.DataFrame, scope: Scope) -> dict[str, list[_Line]]:
    """By persona, a line for each series of arms."""
    series = dose_series(scope)
    actors = {actor for arms in series for name in arms.values() for actor in scope.study.arms[name].discourse}
    asked = scope.evaluation["run"]["base_personas"]
    main = rates[(rates["form"] == scope.form) & (rates["split"] == scope.last_split)]
    lines: dict[str, list[_Line]] = {}
    for persona in [scope.persona("base"), *(name for name in asked if name in actors - {AI})] if series else []:
        rows = {(row["arm"], row["stage"]): row for row in main[main["persona"] == persona].to_dict("records")}
        for arms in series:
            first = scope.study.arms[next(iter(arms.values()))]
            found = [(dose, rows[name, _last(scope, name)]) for dose, name in arms.items()]
            lines.setdefault(persona, []).append((colour(first), reading(first), found))
    return lines


def _doses(lines: list[_Line]) -> list[float]:
    """The doses of a figure in percent."""
    return sorted({100 * dose for _, _, points in lines for dose, _ in points})


def _dose(name: str, scope: Scope) -> float:
    """Share of each actor's documents in the tokens of the first stage that has them."""
    mixes = (scope.study.mix(name, run.stage) for run in scope.study.chain(name))
    return next((mix.share for mix in mixes if mix.sources), 0.0)


def _last(scope: Scope, arm: str) -> str:
    point = scope.checkpoint(arm, "base")
    assert point is not None, "every arm has a base model"
    return point.stage
