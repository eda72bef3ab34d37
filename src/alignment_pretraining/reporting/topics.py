"""Rates by topic, so that a difference that a few topics make is seen as one: table and heat map."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers, Place
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, Scope
from alignment_pretraining.reporting.style import link

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
    rates = topics.pivot(index="topic", columns="arm", values="rate")[list(dict.fromkeys(topics["arm"]))]
    rates = rates.loc[(rates.max(axis=1) - rates.min(axis=1)).sort_values(ascending=False, kind="stable").index]
    keys = {(row["topic"], row["arm"]): row["key"] for row in topics.to_dict("records")}
    shades = matplotlib.colormaps["PuOr_r"]
    figure = Figure(figsize=(7.6, 1.6 + 0.27 * len(rates)), layout="constrained")
    title = f"{SPLITS[scope.splits[-1]]}, told {PERSONA_NAMES.get(scope.persona('base'), scope.persona('base'))}"
    axes = figure.add_subplot(title=title)
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
