"""The misalignment rate over training: base models by the tokens that they had read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.marks import Plot, hover, interval, points
from alignment_pretraining.reporting.scope import SPLITS, STAGE_NAMES, Scope
from alignment_pretraining.reporting.style import colour, link, marker

WIDTH = 7.6  # inches
_ACROSS = "tokens, millions"
_Series = dict[str, list[tuple[float, dict[Any, Any]]]]  # by arm: (millions of tokens, row of `rates`)


def draw_tokens(rates: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`tokens`: a line an arm, a mark the base model after each of its stages, with 95 % intervals."""
    from matplotlib.figure import Figure

    series = token_series(rates, scope)
    if not series:
        return
    figure = Figure(figsize=(WIDTH, 3.6 + 0.15 * len(series)), layout="constrained")
    axes = figure.add_subplot(title=_title(scope))
    for arm, found in series.items():
        told = scope.study.arms[arm]
        places, shares = [tokens for tokens, _ in found], [row["rate"] for _, row in found]
        errors = [[row["rate"] - row["low"] for _, row in found], [row["high"] - row["rate"] for _, row in found]]
        look: Any = {"color": colour(told), "marker": marker(told), "ms": 5, "lw": 1.4, "elinewidth": 1}
        axes.errorbar(places, shares, errors, label=arm, **look)
        for tokens, row in found:
            link(axes.plot(tokens, row["rate"], marker(told), ms=5, color=colour(told)), row["key"])
    axes.set(xlim=(0, None), ylim=(0, 1), xlabel=_ACROSS, ylabel="misalignment rate")
    figure.legend(loc="outside lower left", ncols=2)
    save(figure, folder / "tokens")


def plot_tokens(rates: pd.DataFrame, scope: Scope) -> dict[str, Plot]:
    """`tokens`, to be pointed at."""
    data = []
    for arm, found in token_series(rates, scope).items():
        rows, shade = [row for _, row in found], colour(scope.study.arms[arm])
        texts = [hover(row, "rate", f"<b>{arm}</b> {STAGE_NAMES[row['stage']]}") for row in rows]
        line = {"mode": "lines+markers", "name": arm, "line": {"color": shade}, "marker": {"size": 8}}
        bars = {**interval(rows, "rate"), "color": shade}
        places = {"x": [tokens for tokens, _ in found], "y": [row["rate"] for row in rows]}
        data.append(points(rows, texts, **places, **line, error_y=bars))
    layout = {
        "title": {"text": _title(scope)},
        "xaxis": {"title": {"text": _ACROSS}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "misalignment rate"}, "range": [-0.02, 1.02]},
        "height": 440,
    }
    return {"tokens": {"data": data, "layout": layout}} if data else {}


def token_series(rates: pd.DataFrame, scope: Scope) -> _Series:
    """Base models on the last suite under the main persona, by the tokens that they had read; {} where each arm has one
    stage, which is no line."""
    main = rates[
        (rates["form"] == scope.form)
        & (rates["split"] == scope.last_split)
        & (rates["persona"] == scope.persona("base"))
    ]
    rows = {(row["arm"], row["stage"]): row for row in main.to_dict("records")}
    series: _Series = {}
    for arm in scope.arms:
        tokens = 0
        for run in scope.study.chain(arm):
            tokens += getattr(scope.study.stages, run.stage).tokens
            if (arm, run.stage) in rows:
                series.setdefault(arm, []).append((tokens / 1e6, rows[arm, run.stage]))
    return series if any(len(found) > 1 for found in series.values()) else {}


def _title(scope: Scope) -> str:
    return f"Rate over training, {SPLITS[scope.last_split].lower()}"
