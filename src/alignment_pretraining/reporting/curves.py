"""Figures of training: loss and held-out loss of the base models, loss of SFT and of DPO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.scope import EvaluatedCheckpoint, Scope
from alignment_pretraining.reporting.style import colour
from alignment_pretraining.study import BASE_STAGES

SIZE = (4.4, 3.4)  # inches


def draw_losses(curves: pd.DataFrame, scope: Scope, folder: Path, save: Callable[[Any, Path], None]) -> None:
    """`loss-base`, `loss-heldout`, `loss-sft` and `loss-dpo`: means over seeds; what has no data is not drawn."""
    _draw(curves, scope, "loss", "Training loss, base models", folder / "loss-base", save)
    _draw(curves, scope, "heldout_loss", "Held-out loss, base models", folder / "loss-heldout", save)
    _draw(curves, scope, "loss", "Loss, SFT", folder / "loss-sft", save, stage="sft")
    _draw(curves, scope, "loss", "Loss, DPO", folder / "loss-dpo", save, stage="dpo")


def _draw(
    curves: pd.DataFrame,
    scope: Scope,
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
    for checkpoint, offset in _stage_runs(scope, stage):
        line = _mean_curve(curves, checkpoint, column, "step" if stage else "tokens")
        if line.empty:
            continue
        x = line.index if stage else (line.index + offset) / 1e6
        label = None if checkpoint.owner in labelled else checkpoint.owner
        axes.plot(
            x, line, color=colour(scope.study.arms[checkpoint.owner]), lw=1.2, label=label,
            marker="o" if column == "heldout_loss" else None, ms=3,
        )  # fmt: skip
        labelled.add(checkpoint.owner)
    if labelled:
        axes.legend(loc="best")
        save(figure, path)


def _stage_runs(scope: Scope, stage: str | None) -> Iterator[tuple[EvaluatedCheckpoint, int]]:
    """Every stage run once, with the tokens that its arm had read before it; base stages unless `stage` is given."""
    seen: set[tuple[str, str]] = set()
    for arm in scope.arms:
        tokens = 0
        for stage_run in scope.study.chain(arm) + scope.study.post_chain(arm):
            wanted = stage_run.stage == stage if stage else stage_run.stage in BASE_STAGES
            if wanted and (stage_run.arm, stage_run.stage) not in seen:
                seen.add((stage_run.arm, stage_run.stage))
                yield EvaluatedCheckpoint(arm, stage_run.stage, stage_run.arm), tokens
            if stage_run.stage in BASE_STAGES:
                tokens += getattr(scope.study.stages, stage_run.stage).tokens


def _mean_curve(curves: pd.DataFrame, checkpoint: EvaluatedCheckpoint, column: str, x: str) -> pd.Series:
    """Mean over seeds of a column by `x`, where it was measured."""
    if column not in curves or x not in curves:
        return pd.Series(dtype=float)
    own = curves[(curves["arm"] == checkpoint.owner) & (curves["stage"] == checkpoint.stage)].dropna(subset=[column, x])
    return own.groupby(x)[column].mean()
