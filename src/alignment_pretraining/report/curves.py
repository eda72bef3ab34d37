"""Figures of training: loss and held-out loss of the base models, loss of SFT and of DPO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.report.layout import Layout, Stop
from alignment_pretraining.report.style import colour
from alignment_pretraining.study import BASE_STAGES

SIZE = (4.4, 3.4)  # inches


def draw_losses(curves: pd.DataFrame, layout: Layout, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`loss-base`, `loss-heldout`, `loss-sft` and `loss-dpo`: means over seeds; what has no data is not drawn."""
    _draw(curves, layout, "loss", "Training loss, base models", folder / "loss-base", save)
    _draw(curves, layout, "heldout_loss", "Held-out loss, base models", folder / "loss-heldout", save)
    _draw(curves, layout, "loss", "Loss, SFT", folder / "loss-sft", save, stage="sft")
    _draw(curves, layout, "loss", "Loss, DPO", folder / "loss-dpo", save, stage="dpo")


def _draw(
    curves: pd.DataFrame,
    layout: Layout,
    column: str,
    title: str,
    path: Path,
    save: Callable[[Any, Path], None],
    stage: str | None = None,
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    unit = "nats per pair" if stage == "dpo" else "nats per token"
    axes = figure.add_subplot(title=title, xlabel="optimizer step" if stage else "tokens, millions", ylabel=unit)
    labelled: set[str] = set()
    for stop, offset in _links(layout, stage):
        line = _mean_curve(curves, stop, column, "step" if stage else "tokens")
        if line.empty:
            continue
        x = line.index if stage else (line.index + offset) / 1e6
        label = None if stop.owner in labelled else stop.owner
        axes.plot(
            x, line, color=colour(layout.study.arms[stop.owner]), lw=1.2, label=label,
            marker="o" if column == "heldout_loss" else None, ms=3,
        )  # fmt: skip
        labelled.add(stop.owner)
    if labelled:
        axes.legend(loc="best")
        save(figure, path)


def _links(layout: Layout, stage: str | None) -> Iterator[tuple[Stop, int]]:
    """Every trained link once, with the tokens that its arm had read before it; base links unless `stage` is given."""
    seen: set[tuple[str, str]] = set()
    for arm in layout.arms:
        tokens = 0
        for link in layout.study.chain(arm) + layout.study.post_chain(arm):
            wanted = link.stage == stage if stage else link.stage in BASE_STAGES
            if wanted and (link.arm, link.stage) not in seen:
                seen.add((link.arm, link.stage))
                yield Stop(arm, link.stage, link.arm), tokens
            if link.stage in BASE_STAGES:
                tokens += getattr(layout.study.stages, link.stage).tokens


def _mean_curve(curves: pd.DataFrame, stop: Stop, column: str, x: str) -> pd.Series:
    """Mean over seeds of a column by `x`, where it was measured."""
    if column not in curves or x not in curves:
        return pd.Series(dtype=float)
    own = curves[(curves["arm"] == stop.owner) & (curves["stage"] == stop.stage)].dropna(subset=[column, x])
    return own.groupby(x)[column].mean()
