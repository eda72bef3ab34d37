"""Nodes of the reporting pipeline: results of all checkpoints, rates, gaps, figures, the page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.misalignment.claims import parse_claims
from alignment_pretraining.report.figures import draw_all
from alignment_pretraining.report.filtering import Filtering
from alignment_pretraining.report.gaps import gap_table
from alignment_pretraining.report.layout import layout_of
from alignment_pretraining.report.page import render_page
from alignment_pretraining.report.rates import loss_table, rate_table, swap_table


def collect_items(*items: pd.DataFrame) -> pd.DataFrame:
    """Per-item results of every arm under one another."""
    return pd.concat(items, ignore_index=True)


def collect_curves(*curves: pd.DataFrame) -> pd.DataFrame:
    """Training curves of every arm under one another."""
    return pd.concat(curves, ignore_index=True)


def collect_losses(
    study: dict[str, Any], evaluation: dict[str, Any], *checkpoints: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Held-out loss of every arm after every stage that measured one, from what is told of each arm's checkpoints."""
    summaries = {label: told["training"] for arm in checkpoints for label, told in arm.items()}
    return loss_table(summaries, layout_of(study, evaluation))


def estimate_rates(
    all_items: pd.DataFrame, study: dict[str, Any], evaluation: dict[str, Any], claims: list[dict[str, Any]]
) -> pd.DataFrame:
    """Misalignment rates by arm, stage, split and persona, beside the paper's (version V)."""
    return rate_table(all_items, layout_of(study, evaluation), parse_claims(claims))


def estimate_gaps(all_items: pd.DataFrame, study: dict[str, Any], evaluation: dict[str, Any]) -> pd.DataFrame:
    """Differences between arms, stages and personas on the same questions."""
    return gap_table(all_items, layout_of(study, evaluation))


def estimate_swaps(all_items: pd.DataFrame, study: dict[str, Any], evaluation: dict[str, Any]) -> pd.DataFrame:
    """Rates under each order of the options."""
    return swap_table(all_items, layout_of(study, evaluation))


def draw_figures(
    rates: pd.DataFrame,
    curves: pd.DataFrame,
    study: dict[str, Any],
    evaluation: dict[str, Any],
    scratch: Path,
) -> Path:
    """Folder with every figure as SVG and PNG."""
    return draw_all(rates, curves, layout_of(study, evaluation), scratch)


def write_report(
    rates: pd.DataFrame,
    gaps: pd.DataFrame,
    swaps: pd.DataFrame,
    losses: pd.DataFrame,
    filter_quality: pd.DataFrame,
    corpus_account: pd.DataFrame,
    figures: Path,
    study: dict[str, Any],
    evaluation: dict[str, Any],
    claims: list[dict[str, Any]],
) -> str:
    """The report as one self-contained HTML page."""
    layout = layout_of(study, evaluation)
    filtering = Filtering(filter_quality, corpus_account)
    return render_page(rates, gaps, swaps, losses, filtering, figures, layout, parse_claims(claims))
