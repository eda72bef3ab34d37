"""The declared contrasts with their intervals, one below the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.marks import Plot, hover, interval, points, rows_axis, single, trainings
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


def plot_forest(contrasts: pd.DataFrame) -> dict[str, Plot]:
    """`forest`, to be pointed at."""
    rows = contrasts.to_dict("records")
    if not rows:
        return {}
    shades = [_SHADES.get(row["verdict"], _UNCLEAR) for row in rows]
    small = [(value, place + 0.22) for place, row in enumerate(rows) for value in trainings(row, "by_seed")]
    data = [single([value for value, _ in small], [place for _, place in small], _UNCLEAR)]
    for shade in dict.fromkeys(shades):
        chosen = [(place, row) for place, row in enumerate(rows) if shades[place] == shade]
        shown = [row for _, row in chosen]
        texts = [hover(row, "value", f"<b>{row['name']}</b>: {row['verdict']}", _sides(row)) for row in shown]
        marks = {"mode": "markers", "marker": {"size": 11, "color": shade}, "showlegend": False}
        places = {"x": [row["value"] for row in shown], "y": [place for place, _ in chosen]}
        data.append(points(shown, texts, **places, **marks, error_x={**interval(shown, "value"), "color": shade}))
    band = {"type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": "rgba(138,138,138,0.15)"}
    margins = [
        {**band, "x0": -row["margin"], "x1": row["margin"], "y0": place - 0.4, "y1": place + 0.4}
        for place, row in enumerate(rows)
        if row["expect"] == "equal"
    ]
    layout = {
        "xaxis": {"title": {"text": "difference of misalignment rates, 95 % interval"}, "range": [-1.05, 1.05]},
        "yaxis": rows_axis([f"{row['name']}<br>{row['verdict']}" for row in rows]),
        "shapes": margins,
        "height": 90 + 46 * len(rows),
    }
    return {"forest": {"data": data, "layout": layout}}


def _sides(row: Mapping[Any, Any]) -> str:
    return f"{row['left']} minus {row['right']}"
