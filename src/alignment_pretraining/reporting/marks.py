"""Marks of interactive figures: what each says when it is pointed at, and the number that it leads to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

Plot = dict[str, Any]  # a figure of Plotly: `data` and `layout`

_COUNTS = {"n_items": "questions", "n_families": "families", "n_seeds": "trainings"}


def hover(row: Mapping[Any, Any], field: str, *lines: str) -> str:
    """A number with its interval, how much it rests on, and its key, below `lines` of the figure's own."""
    interval = f" (95 %: {row['low']:.3f} to {row['high']:.3f})" if "low" in row and pd.notna(row["low"]) else ""
    counts = ", ".join(f"{row[name]:.0f} {unit}" for name, unit in _COUNTS.items() if name in row)
    return "<br>".join([*lines, f"<b>{row[field]:.3f}</b>{interval}", counts, f"<i>{row['key']}</i>"])


def points(rows: Sequence[Mapping[Any, Any]], texts: Sequence[str], **trace: Any) -> Plot:
    """A trace of one mark a row: `texts` show on hover, and a click leads to the row's key."""
    told = {"customdata": [row["key"] for row in rows], "text": list(texts), "hovertemplate": "%{text}<extra></extra>"}
    return {"type": "scatter", **told, **trace}


def interval(rows: Iterable[Mapping[Any, Any]], field: str) -> Plot:
    """Error bars from `low` to `high`."""
    found = [(row["high"] - row[field], row[field] - row["low"]) for row in rows]
    bars = {"type": "data", "symmetric": False, "thickness": 1.5, "width": 0}
    return {**bars, "array": [above for above, _ in found], "arrayminus": [below for _, below in found]}


def trainings(row: Mapping[Any, Any], column: str) -> list[float]:
    """The values of the single trainings of a row."""
    return list(json.loads(row[column]).values())


def single(x: Sequence[float], y: Sequence[float], shade: str) -> Plot:
    """Small open marks for single trainings; they lead nowhere."""
    marker = {"size": 5, "color": "rgba(255,255,255,0.6)", "line": {"color": shade, "width": 1}}
    silent = {"hoverinfo": "skip", "showlegend": False}
    return {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "marker": marker, **silent}


def rows_axis(names: Sequence[str]) -> Plot:
    """The axis of a figure with a row a name, the first on top."""
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names)}
    return {**ticks, "range": [len(names) - 0.4, -0.6], "showgrid": False, "zeroline": False}
