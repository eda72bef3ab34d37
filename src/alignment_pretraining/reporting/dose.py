"""Dose and response: the rate by the share of documents that the arms read, where a study has several doses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.picture import reading
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import colour, link
from alignment_pretraining.study import AI

WIDTH = 4.4  # inches
LEAST = 3  # doses that make a figure


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

    series = dose_series(scope)
    actors = {actor for arms in series for name in arms.values() for actor in scope.study.arms[name].discourse}
    asked = scope.evaluation["run"]["base_personas"]
    split = scope.splits[-1]
    main = rates[(rates["form"] == scope.form) & (rates["split"] == split)]
    for persona in [scope.persona("base"), *(name for name in asked if name in actors - {AI})] if series else []:
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        axes = figure.add_subplot(title=f"told: {PERSONA_NAMES.get(persona, persona)}")
        rows = {(row["arm"], row["stage"]): row for row in main[main["persona"] == persona].to_dict("records")}
        for arms in series:
            shade = colour(scope.study.arms[next(iter(arms.values()))])
            points = [(dose, rows[name, _last(scope, name)]) for dose, name in arms.items()]
            for dose, row in points:
                seeds = list(json.loads(row["rate_by_seed"]).values())
                axes.plot([100 * dose] * len(seeds), seeds, "o", ms=3.5, mfc="white", mec=shade, mew=1)
                link(axes.plot(100 * dose, row["rate"], "o", color=shade), row["key"])
            label = reading(scope.study.arms[next(iter(arms.values()))])
            axes.plot(
                [100 * dose for dose, _ in points], [row["rate"] for _, row in points], "o-", color=shade, label=label
            )
        doses = sorted({100 * dose for arms in series for dose in arms})
        axes.set_xscale("symlog" if 0 in doses else "log")
        axes.set_xticks(doses, [f"{dose:g}" for dose in doses], minor=False)
        axes.minorticks_off()
        axes.set(
            ylim=(-0.02, 1.02), xlabel="documents of each actor, % of tokens", ylabel=f"rate, {SPLITS[split].lower()}"
        )
        figure.legend(loc="outside lower left", ncols=1)
        save(figure, folder / f"dose-{persona}")


def _dose(name: str, scope: Scope) -> float:
    """Share of each actor's documents in the tokens of the first stage that has them."""
    mixes = (scope.study.mix(name, run.stage) for run in scope.study.chain(name))
    return next((mix.share for mix in mixes if mix.sources), 0.0)


def _last(scope: Scope, arm: str) -> str:
    point = scope.checkpoint(arm, "base")
    assert point is not None, "every arm has a base model"
    return point.stage
