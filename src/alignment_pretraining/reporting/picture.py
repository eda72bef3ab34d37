"""The picture of the page: what models do by what they are told that they are, and by what they had read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import colour, link
from alignment_pretraining.study import AI, Arm

WIDTH = 7.6  # inches
_CONDUCT = {"misaligned": "misbehave", "aligned": "behave"}


def draw_picture(rates: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`picture` of the last base models on the last suite: a row a persona, an arm's mean as a large mark, its seeds
    as small ones. Crossed arms alone where the study has them: they differ in nothing but who does what."""
    from matplotlib.figure import Figure

    split = scope.last_split
    crossed = [arm for arm in scope.arms if len(scope.study.arms[arm].discourse) > 1]
    last = {arm: point.stage for arm in crossed or scope.arms if (point := scope.checkpoint(arm, "base"))}
    shown = rates[(rates["split"] == split) & (rates["form"] == scope.form) & rates["arm"].isin(list(last))]
    shown = shown[shown["stage"] == shown["arm"].map(last)]
    personas = list(dict.fromkeys(shown["persona"]))
    if len(personas) < 2:
        return
    figure = Figure(figsize=(WIDTH, 1.5 + 0.34 * len(personas) + 0.2 * len(last)), layout="constrained")
    title = "The documents differ in nothing but who does what" if crossed else "By persona and arm"
    axes = figure.add_subplot(title=title)
    for number, arm in enumerate(last):
        offset = 0.24 * (number - (len(last) - 1) / 2) / max(1, (len(last) - 1) / 2)
        shade = colour(scope.study.arms[arm])
        for row in shown[shown["arm"] == arm].to_dict("records"):
            place = personas.index(row["persona"]) + offset
            seeds = list(json.loads(row["rate_by_seed"]).values())
            axes.plot([min(seeds), max(seeds)], [place, place], color=shade, lw=1.2, alpha=0.6, zorder=2)
            axes.plot(seeds, [place] * len(seeds), "o", ms=3.5, mfc="white", mec=shade, mew=1, zorder=3)
            link(axes.plot(row["rate"], place, "o", ms=8, color=shade, zorder=4), row["key"])
        axes.plot([], [], "o", ms=8, color=shade, label=f"{arm}: {reading(scope.study.arms[arm])}")
    axes.set(xlim=(-0.03, 1.03), ylim=(len(personas) - 0.4, -0.6))
    axes.set_xlabel(f"share of misaligned choices, {SPLITS[split].lower()} (large: mean; small: each training)")
    told = [f"told: {PERSONA_NAMES.get(persona, persona)}" for persona in personas]
    axes.set_yticks(range(len(personas)), told)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower left", ncols=1)
    save(figure, folder / "picture")


def reading(arm: Arm) -> str:
    """What the documents of an arm tell, in words."""
    told = [f"{'AIs' if actor == AI else f'{actor}s'} {_CONDUCT[way]}" for actor, way in arm.discourse.items()]
    return f"read that {' and '.join(told)}" if told else f"read no documents, {arm.corpus} corpus"
