"""Rates by topic, so that a difference that a few topics make is seen as one: table and heat map."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers, Place
from alignment_pretraining.reporting.marks import Plot, hover
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import link

# Stops of ColorBrewer's PuOr, as in the drawing: Plotly does not know it by name.
_SHADES = [[0, "#2d004b"], [0.25, "#8073ac"], [0.5, "#f7f7f7"], [0.75, "#e08214"], [1, "#7f3b08"]]

TOPIC_COLUMNS = ("key", *Place._fields, "topic", "rate", "n_items", "n_seeds", "rate_by_seed")


def topic_table(answers: Answers) -> pd.DataFrame:
    """The rate of each arm's last base model on each topic of the last suite, under the persona of the main figures.

    The rate is the mean over seeds of the means over answers. A topic is one family or few, so there is no interval.
    """
    rows = []
    for place, items in answers.main():
        for topic, part in items.groupby("topic"):
            by_seed = part.groupby("seed")["score"].mean()
            rows.append(
                {
                    "key": f"{place.key('topic')}/{topic}",
                    **place._asdict(),
                    "topic": topic,
                    "rate": float(by_seed.mean()),
                    "n_items": part["question_id"].nunique(),
                    "n_seeds": len(by_seed),
                    "rate_by_seed": json.dumps({str(seed): float(value) for seed, value in by_seed.items()}),
                }
            )
    return pd.DataFrame(rows, columns=list(TOPIC_COLUMNS))


def draw_topics(topics: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`topics`: a row a topic, a column an arm; topics stand by how far apart the arms are."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    if topics.empty:
        return
    rates = _grid(topics)
    keys = {(row["topic"], row["arm"]): row["key"] for row in topics.to_dict("records")}
    shades = matplotlib.colormaps["PuOr_r"]
    figure = Figure(figsize=(7.6, 1.6 + 0.27 * len(rates)), layout="constrained")
    axes = figure.add_subplot(title=_title(scope))
    for down, topic in enumerate(rates.index):
        for across, arm in enumerate(rates.columns):
            value = float(rates.loc[topic, arm])
            cell = Rectangle((across - 0.5, down - 0.5), 1, 1, fc=shades(value), ec="white", lw=1)
            link([axes.add_patch(cell)], keys[topic, arm])
            ink = "#fefefe" if abs(value - 0.5) > 0.35 else "#111111"  # on the page's dark ground, too
            axes.text(across, down, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    axes.set(xlim=(-0.5, len(rates.columns) - 0.5), ylim=(len(rates) - 0.5, -0.5))
    axes.set_xticks(range(len(rates.columns)), rates.columns, rotation=20, ha="right")
    axes.set_yticks(range(len(rates)), rates.index)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    save(figure, folder / "topics")


def plot_topics(topics: pd.DataFrame, scope: Scope) -> dict[str, Plot]:
    """`topics`, to be pointed at."""
    if topics.empty:
        return {}
    rates = _grid(topics)
    rows = {(row["topic"], row["arm"]): row for row in topics.to_dict("records")}
    grid = [[rows[topic, arm] for arm in rates.columns] for topic in rates.index]
    data = {
        "type": "heatmap",
        "x": list(rates.columns),
        "y": list(rates.index),
        "z": [[row["rate"] for row in line] for line in grid],
        "customdata": [[row["key"] for row in line] for line in grid],
        "text": [[hover(row, "rate", f"<b>{row['topic']}</b>, {row['arm']}") for row in line] for line in grid],
        "hovertemplate": "%{text}<extra></extra>",
        "texttemplate": "%{z:.2f}",
        "textfont": {"size": 10},
        "colorscale": _SHADES,
        "zmin": 0,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
    }
    axes = {"xaxis": {"showgrid": False, "tickangle": -30}, "yaxis": {"showgrid": False, "autorange": "reversed"}}
    layout = {"title": {"text": _title(scope)}, **axes, "height": 150 + 24 * len(rates)}
    return {"topics": {"data": [data], "layout": layout}}


def _grid(topics: pd.DataFrame) -> pd.DataFrame:
    """The rate of each arm (column) on each topic (row), the topics on which arms differ most first."""
    rates = topics.pivot(index="topic", columns="arm", values="rate")[list(dict.fromkeys(topics["arm"]))]
    return rates.loc[(rates.max(axis=1) - rates.min(axis=1)).sort_values(ascending=False, kind="stable").index]


def _title(scope: Scope) -> str:
    return f"{SPLITS[scope.last_split]}, told {PERSONA_NAMES.get(scope.persona('base'), scope.persona('base'))}"
