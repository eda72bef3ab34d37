"""What each stage read, by source: table and figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.labels import Label
from alignment_pretraining.reporting.scope import STAGE_NAMES, Scope
from alignment_pretraining.reporting.style import link

STREAM_COLUMNS = ("key", "arm", "seed", "stage", "source", "documents", "tokens", "share")
# Sources by how much they hold; those after them in a stream get what is left. Okabe and Ito's colours.
_SHADES = ("#BDBDBD", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2")


def stream_table(checkpoints: Iterable[Mapping[str, Mapping[str, Any]]], scope: Scope) -> pd.DataFrame:
    """Documents and tokens of each source in the stream of every stage that was trained, of the first seed.

    Other seeds read the same amounts, to a document. Arms that share a stage have the rows of the arm that trained it.
    """
    mixes = {Label.parse(name): told["mix"] for arm in checkpoints for name, told in arm.items() if told.get("mix")}
    first = min((label.seed for label in mixes), default=0)
    rows = [
        {
            "key": f"stream/{label.arm}/{label.stage}/{source}",
            "arm": label.arm,
            "seed": label.seed,
            "stage": label.stage,
            "source": source,
            "documents": told["out"]["documents"],
            "tokens": told["out"]["tokens"],
            "share": told["out"]["tokens"] / max(sum(one["out"]["tokens"] for one in mix["sources"].values()), 1),
        }
        for label, mix in mixes.items()
        if label.seed == first
        for source, told in mix["sources"].items()
        if told["out"]["tokens"]
    ]
    order = {arm: number for number, arm in enumerate(scope.study.arms)}
    rows.sort(key=lambda row: (order[row["arm"]], list(STAGE_NAMES).index(row["stage"])))
    return pd.DataFrame(rows, columns=list(STREAM_COLUMNS))


def draw_streams(streams: pd.DataFrame, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`streams`: a bar a trained stage, by source; what the corpus holds is cut off, since it is most of it."""
    from matplotlib.figure import Figure

    stages = list(dict.fromkeys(zip(streams["arm"], streams["stage"], strict=True)))
    if not stages:
        return
    sources = list(dict.fromkeys(streams["source"]))
    shades = dict(zip(sources, [_SHADES[number % len(_SHADES)] for number in range(len(sources))], strict=True))
    figure = Figure(figsize=(7.6, 1.5 + 0.27 * len(stages)), layout="constrained")
    axes = figure.add_subplot(title="What each trained stage read, beside the corpus")
    ends = []
    for place, (arm, stage) in enumerate(stages):
        start = 0.0
        for row in streams[(streams["arm"] == arm) & (streams["stage"] == stage)].to_dict("records"):
            if row["source"] != "corpus":
                bar = axes.barh(place, 100 * row["share"], left=start, height=0.7, color=shades[row["source"]])
                link(bar, row["key"])
                start += 100 * row["share"]
        ends.append(start)
    for source in sources:
        if source != "corpus":
            axes.barh(0, 0, color=shades[source], label=source)
    axes.set(xlabel="% of the stream's tokens", ylim=(len(stages) - 0.4, -0.6), xlim=(0, max(*ends, 1) * 1.05))
    axes.set_yticks(range(len(stages)), [f"{arm}, {stage}" for arm, stage in stages])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower left", ncols=3)
    save(figure, folder / "streams")
