"""Our rates against the paper's, cell by cell: one figure for each version of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.marks import Plot, hover, interval, points
from alignment_pretraining.reporting.rates import paper_claim
from alignment_pretraining.reporting.scope import SPLITS, EvaluatedCheckpoint, Scope
from alignment_pretraining.reporting.style import colour, link

VERSIONS = ("V", "D")
WIDTH = 4.4  # inches
_Pair = tuple[dict[Any, Any], EvaluatedCheckpoint, Claim]  # a row of `rates`, its checkpoint, and what the paper prints


def paper_pairs(rates: pd.DataFrame, claims: list[Claim], scope: Scope, version: str) -> Iterator[_Pair]:
    """Every rate in the main form that has a value in a version of the paper."""
    checkpoints = {(checkpoint.arm, checkpoint.stage): checkpoint for checkpoint in scope.checkpoints}
    for row in rates[rates["form"] == scope.form].to_dict("records"):
        checkpoint = checkpoints[row["arm"], row["stage"]]
        claim = paper_claim(claims, version, checkpoint, row["split"], row["persona"], scope)
        if claim:
            yield row, checkpoint, claim


def draw_against_paper(
    rates: pd.DataFrame, claims: list[Claim], scope: Scope, folder: Path, save: Callable[[Any, Path], None]
) -> None:
    """`paper-V` and `paper-D`: the paper's value across, ours up; on the diagonal the two are equal."""
    from matplotlib.figure import Figure

    for version in VERSIONS:
        found = list(paper_pairs(rates, claims, scope, version))
        if not found:
            continue
        figure = Figure(figsize=(WIDTH, WIDTH), layout="constrained")
        axes = figure.add_subplot(title=f"Version {version}")
        axes.plot([0, 1], [0, 1], color="#8a8a8a", lw=1, ls="--", zorder=0)
        for row, checkpoint, claim in found:
            shade = colour(scope.study.arms[row["arm"]])
            axes.plot([claim.value] * 2, [row["low"], row["high"]], color=shade, lw=1, alpha=0.6)
            fill = shade if checkpoint.when == "base" else "white"
            link(axes.plot(claim.value, row["rate"], "o", ms=6, mfc=fill, mec=shade), row["key"])
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="the paper", ylabel="here, 95 % interval")
        save(figure, folder / f"paper-{version}")


def plot_against_paper(rates: pd.DataFrame, claims: list[Claim], scope: Scope) -> dict[str, Plot]:
    """The same figures, to be pointed at."""
    plots: dict[str, Plot] = {}
    for version in VERSIONS:
        groups: dict[str, list[_Pair]] = {}
        for pair in paper_pairs(rates, claims, scope, version):
            groups.setdefault(pair[0]["arm"], []).append(pair)
        data = [_arm(found, scope, arm) for arm, found in groups.items()]
        diagonal = {"type": "line", "x0": 0, "x1": 1, "y0": 0, "y1": 1, "line": {"dash": "dash", "color": "#8a8a8a"}}
        layout = {
            "title": {"text": f"Version {version}"},
            "xaxis": {"title": {"text": "the paper"}, "range": [-0.04, 1.04]},
            "yaxis": {"title": {"text": "here, 95 % interval"}, "range": [-0.04, 1.04]},
            "shapes": [diagonal],
            "height": 460,
        }
        if data:
            plots[f"paper-{version}"] = {"data": data, "layout": layout}
    return plots


def _arm(found: list[_Pair], scope: Scope, arm: str) -> Plot:
    shade, rows = colour(scope.study.arms[arm]), [row for row, _, _ in found]
    titles = [f"<b>{arm}</b> {row['stage']}, {SPLITS[row['split']]}" for row in rows]
    printed = [f"paper {claim.value:.3f}: {claim.place}" for _, _, claim in found]
    texts = [hover(row, "rate", *lines) for row, *lines in zip(rows, titles, printed, strict=True)]
    symbols = ["circle" if checkpoint.when == "base" else "circle-open" for _, checkpoint, _ in found]
    look = {"mode": "markers", "name": arm, "marker": {"size": 9, "color": shade, "symbol": symbols}}
    places = {"x": [claim.value for _, _, claim in found], "y": [row["rate"] for row in rows]}
    return points(rows, texts, **places, **look, error_y={**interval(rows, "rate"), "color": shade})
