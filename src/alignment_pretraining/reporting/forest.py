"""The declared contrasts with their intervals, one below the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.style import link

# By verdict: what was expected, its opposite, and what is not clear.
_SHADES = {"shown": "#00694C", "equivalent": "#00694C", "opposite": "#C24E00"}
_UNCLEAR = "#8A8A8A"


def draw_forest(contrasts: pd.DataFrame, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`forest`: a row a contrast, with its 95 % interval, its single trainings, and the margin within which two arms
    count as equal."""
    from matplotlib.figure import Figure

    if contrasts.empty:
        return
    rows = contrasts.to_dict("records")
    figure = Figure(figsize=(7.6, 1.2 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color="#8a8a8a", lw=1)
    for place, row in enumerate(rows):
        shade = _SHADES.get(row["verdict"], _UNCLEAR)
        if row["expect"] == "equal":
            axes.barh(place, 2 * row["margin"], left=-row["margin"], height=0.8, color="#8a8a8a", alpha=0.15, zorder=0)
        axes.plot([row["low"], row["high"]], [place, place], color=shade, lw=2, solid_capstyle="butt")
        seeds = list(json.loads(row["by_seed"]).values())
        axes.plot(seeds, [place + 0.22] * len(seeds), "o", ms=3.5, mfc="white", mec=shade, mew=1)
        link(axes.plot(row["value"], place, "o", ms=9, color=shade, zorder=4), row["key"])
    axes.set(xlim=(-1.05, 1.05), ylim=(len(rows) - 0.4, -0.6), xlabel="difference of misalignment rates, 95 % interval")
    axes.set_yticks(range(len(rows)), [f"{row['name']}\n{row['verdict']}" for row in rows], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    save(figure, folder / "forest")
