"""Every figure of the report, one small panel a file, so that panels stand side by side or below one another."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.against_paper import draw_against_paper
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.curves import draw_losses
from alignment_pretraining.reporting.dose import draw_doses
from alignment_pretraining.reporting.forest import draw_forest
from alignment_pretraining.reporting.picture import draw_picture
from alignment_pretraining.reporting.scope import SPLITS, STAGE_NAMES, Scope, When
from alignment_pretraining.reporting.streams import draw_streams
from alignment_pretraining.reporting.style import colour, drawing, link, marker
from alignment_pretraining.reporting.tokens import draw_tokens
from alignment_pretraining.reporting.topics import draw_topics
from alignment_pretraining.study import BASE_STAGES, Arm

WIDTH = 4.4  # inches
_TICKS = {"pretraining": "pre-\ntraining", "midtraining": "mid-\ntraining", "cpt": "CPT", "sft": "SFT", "dpo": "DPO"}


@dataclass(frozen=True)
class Drawn:
    """What figures show: tables, and the paper's values."""

    rates: pd.DataFrame
    gaps: pd.DataFrame
    curves: pd.DataFrame
    contrasts: pd.DataFrame
    topics: pd.DataFrame
    streams: pd.DataFrame
    claims: list[Claim]


def draw_all(tables: Drawn, scope: Scope, scratch: Path) -> Path:
    """Folder with `<figure>.svg` and `<figure>.png` for every panel that has data; the same bytes for the same data.

    Marks that show a number lead to its key.
    """
    rates, gaps = tables.rates, tables.gaps
    shown = [getattr(tables, field.name) for field in fields(tables)]
    content = [table.to_csv() for table in shown if isinstance(table, pd.DataFrame)]
    claims = [claim.model_dump() for claim in tables.claims]
    inputs = json.dumps([*content, claims, scope.study.model_dump(), scope.evaluation])
    folder = scratch / f"figures-{hashlib.md5(inputs.encode()).hexdigest()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with drawing():
        for split in scope.splits:
            part = rates[(rates["split"] == split) & (rates["form"] == scope.form)]
            _save(folder / f"main-{split}", _draw_bars, part, scope, SPLITS[split])
            _save(
                folder / f"persistence-{split}", _draw_persistence, gaps[gaps["split"] == split], scope, SPLITS[split]
            )
            _save(folder / f"stages-{split}", _draw_stages, part, scope, SPLITS[split])
        draw_picture(rates, scope, folder, save_figure)
        draw_doses(rates, scope, folder, save_figure)
        draw_losses(tables.curves, scope, folder, save_figure)
        draw_forest(tables.contrasts, folder, save_figure)
        draw_topics(tables.topics, scope, folder, save_figure)
        draw_streams(tables.streams, folder, save_figure)
        draw_tokens(rates, scope, folder, save_figure)
        draw_against_paper(rates, tables.claims, scope, folder, save_figure)
    return folder


def save_figure(figure: Any, path: Path) -> None:
    """Write `path`.svg and `path`.png without a date or the library's version."""
    figure.savefig(path.with_suffix(".svg"), metadata={key: None for key in ("Date", "Creator", "Format", "Type")})
    figure.savefig(path.with_suffix(".png"), dpi=150, metadata={"Software": None})


def _save(path: Path, draw: Callable[..., bool], rates: pd.DataFrame, scope: Scope, title: str) -> None:
    from matplotlib.figure import Figure

    height = 1.25 + 0.42 * len(scope.arms)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot(title=title)
    if draw(axes, rates, scope):
        save_figure(figure, path)


def _final(rates: pd.DataFrame, scope: Scope, arm: str, when: When) -> pd.Series | None:
    """The row of an arm's last base model, or of its post-trained model, under the persona of the main figures."""
    checkpoint = scope.checkpoint(arm, when)
    if checkpoint is None:
        return None
    chosen = rates[
        (rates["arm"] == arm) & (rates["stage"] == checkpoint.stage) & (rates["persona"] == scope.persona(when))
    ]
    return chosen.iloc[0] if len(chosen) else None


def _draw_bars(axes: Any, rates: pd.DataFrame, scope: Scope) -> bool:
    """A bar an arm (base model): the rate, its 95 % interval, a dot a seed, the paper's value as an open diamond."""
    rows = {arm: _final(rates, scope, arm, "base") for arm in scope.arms}
    found = [(place, arm, row) for place, (arm, row) in enumerate(rows.items()) if row is not None]
    for place, arm, row in found:
        link(axes.barh(place, row["rate"], height=0.62, color=colour(scope.study.arms[arm])), row["key"])
        _interval(axes, row, place, "#1f1f1f")
        seeds = list(json.loads(row["rate_by_seed"]).values())
        axes.plot(seeds, [place + 0.19] * len(seeds), "o", ms=4, mfc="white", mec="#1f1f1f", mew=0.8, zorder=4)
        if pd.notna(row["paper"]):
            axes.plot(row["paper"], place - 0.12, "D", ms=5.5, mfc="white", mec="#7a1fa2", mew=1.5, zorder=5)
    _rate_axis(axes, scope.arms)
    return bool(found)


def _draw_persistence(axes: Any, gaps: pd.DataFrame, scope: Scope) -> bool:
    """A line an arm from the base model (filled) to the post-trained model (open), on the seeds that both have."""
    found = {row["arm"]: row for row in gaps[gaps["kind"] == "stage"].to_dict("records")}
    for place, arm in enumerate(scope.arms):
        if arm in found:
            rates = [found[arm][side] for side in ("reference_rate", "rate")]
            shade = colour(scope.study.arms[arm])
            axes.plot(rates, [place, place], color=shade, lw=1.6, zorder=2)
            for rate, fill in zip(rates, (shade, "white"), strict=True):
                link(axes.plot(rate, place, "o", ms=7, mfc=fill, mec=shade, mew=1.6, zorder=4), found[arm]["key"])
    _rate_axis(axes, scope.arms)
    return len(found) > 0


def _draw_stages(axes: Any, rates: pd.DataFrame, scope: Scope) -> bool:
    """A line an arm through its stages, with 95 % intervals; base and post-trained models are asked differently, so
    their lines are not joined."""
    stages = [stage for stage in STAGE_NAMES if any(checkpoint.stage == stage for checkpoint in scope.checkpoints)]
    by_place = {(row["arm"], row["stage"], row["persona"]): row for _, row in rates.iterrows()}
    labelled: set[str] = set()
    for number, arm in enumerate(scope.arms):
        shift = 0.5 * ((number + 0.5) / len(scope.arms) - 0.5)
        for when in ("base", "post"):
            checkpoints = [
                checkpoint for checkpoint in scope.checkpoints if (checkpoint.arm, checkpoint.when) == (arm, when)
            ]
            keys = [(arm, checkpoint.stage, scope.persona(checkpoint.when)) for checkpoint in checkpoints]
            rows = [by_place[key] for key in keys if key in by_place]
            if rows:
                places = [stages.index(row["stage"]) + shift for row in rows]
                _line(axes, places, rows, scope.study.arms[arm], label=None if arm in labelled else arm)
                labelled.add(arm)
    post = [place for place, stage in enumerate(stages) if stage not in BASE_STAGES]
    if post and len(post) < len(stages):
        axes.axvline(post[0] - 0.5, color="#8a8a8a", lw=0.9, ls="--")
    axes.set(ylim=(0, 1), xlim=(-0.5, len(stages) - 0.5), ylabel="misalignment rate")
    axes.set_xticks(range(len(stages)), [_TICKS[stage] for stage in stages])
    axes.grid(axis="x", visible=False)
    if labelled:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return bool(labelled)


def _line(axes: Any, places: list[float], rows: list[pd.Series], arm: Arm, label: str | None) -> None:
    rates = [row["rate"] for row in rows]
    errors = [[row["rate"] - row["low"] for row in rows], [row["high"] - row["rate"] for row in rows]]
    axes.errorbar(places, rates, errors, color=colour(arm), marker=marker(arm), ms=5, lw=1.4, elinewidth=1, label=label)
    for place, row in zip(places, rows, strict=True):
        link(axes.plot(place, row["rate"], marker(arm), ms=5, color=colour(arm)), row["key"])


def _interval(axes: Any, row: pd.Series, place: float, shade: str) -> None:
    errors = [[row["rate"] - row["low"]], [row["high"] - row["rate"]]]
    axes.errorbar(row["rate"], place, xerr=errors, fmt="none", ecolor=shade, elinewidth=1.3, capsize=3, zorder=3)


def _rate_axis(axes: Any, arms: list[str]) -> None:
    axes.set(xlim=(0, 1), ylim=(len(arms) - 0.4, -0.6), xlabel="misalignment rate")
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
