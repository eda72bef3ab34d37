"""The page about capability: one HTML file that needs nothing beside it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.pages import html_template
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.reporting.capability.printed import BASELINE
from alignment_pretraining.reporting.capability.tables import AVERAGE
from alignment_pretraining.reporting.differences import printed_difference
from alignment_pretraining.reporting.numbers import (
    PrintedNumber,
    difference_number,
    plain,
    signed,
)
from alignment_pretraining.reporting.printed import MARGIN, VERSIONS
from alignment_pretraining.reporting.stylesheet import stylesheet

_TAGS = {"equivalent": "shows", "different": "opposite", "undecided": "not-clear"}


def render_capability(
    name: str, rates: pd.DataFrame, taxes: pd.DataFrame, printed: pd.DataFrame, capability: Capability
) -> str:
    """HTML with inline style; the same text for the same inputs."""
    text = html_template(Path(__file__).parent, "page.html.j2").render(
        css=stylesheet(),
        name=name,
        tasks=list(dict.fromkeys(rates["task"])),
        asked=capability.tasks,
        limit=capability.limit,
        average=AVERAGE,
        taxes=_matrix(taxes, ["arm", "stage", "reference"]),
        averages=list(taxes[taxes["task"] == AVERAGE].itertuples()),
        rates=_matrix(rates, ["arm", "stage"]),
        cut=list(rates[(rates["cut"] > 0) & (rates["task"] != AVERAGE)].itertuples()),
        printed={version: list(printed[printed["version"] == version].itertuples()) for version in VERSIONS},
        baseline=BASELINE,
        margin=MARGIN,
        tags=_TAGS,
        plain=plain,
        signed=signed,
        rate=lambda row: PrintedNumber(row.key, plain(row.rate), f"{plain(row.low)} to {plain(row.high)}"),
        tax=partial(difference_number, "alignment_tax"),
        printed_difference=printed_difference,
    )
    return re.sub(r"\n\s*\n+", "\n", text)


def _matrix(table: pd.DataFrame, head: list[str]) -> list[tuple[Any, dict[str, Any]]]:
    """For each model its names, and its rows by task."""
    return [
        (names, {str(row.task): row for row in part.itertuples()})
        for names, part in table.groupby(head, sort=False)
    ]  # fmt: skip
