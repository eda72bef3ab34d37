"""The picture of the page: the rate under every persona, one mark an arm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.scope import PERSONA_NAMES, Scope
from alignment_pretraining.reporting.style import colour

WIDTH = 6.2  # inches


def draw_personas(personas: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`personas-<form>` for the last base models on held-out topics, or the last suite that was asked: a row a persona,
    a mark an arm with its 95 % interval. Crossed arms alone where the study has them: they differ in nothing else."""
    from matplotlib.figure import Figure

    split = scope.splits[-1]
    crossed = [arm for arm in scope.arms if len(scope.study.arms[arm].discourse) > 1]
    arms = crossed or scope.arms
    last = {arm: point.stage for arm in arms if (point := scope.checkpoint(arm, "base"))}
    shown = personas[(personas["split"] == split) & personas["arm"].isin(list(last))]
    shown = shown[shown["stage"] == shown["arm"].map(last)]
    for form, part in shown.groupby("form"):
        names = list(dict.fromkeys(part["persona"]))
        if len(names) < 2:
            continue
        figure = Figure(figsize=(WIDTH, 1.2 + 0.38 * len(names)), layout="constrained")
        axes = figure.add_subplot(title=f"Misalignment rate by what the model is told that it is ({form} questions)")
        for number, arm in enumerate(last):
            own = part[part["arm"] == arm].set_index("persona").reindex(names)
            places = [place + 0.22 * (number - (len(last) - 1) / 2) for place in range(len(names))]
            errors = [own["rate"] - own["low"], own["high"] - own["rate"]]
            axes.errorbar(
                own["rate"], places, xerr=errors, fmt="o", ms=5.5, color=colour(scope.study.arms[arm]), elinewidth=1.2,
                capsize=2.5, label=arm,
            )  # fmt: skip
        axes.set(xlim=(-0.02, 1.02), ylim=(len(names) - 0.4, -0.6), xlabel="misalignment rate, held-out topics")
        axes.set_yticks(range(len(names)), [PERSONA_NAMES.get(name, name) for name in names])
        axes.grid(axis="y", visible=False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=min(len(last), 3))
        save(figure, folder / f"personas-{form}")
