"""The page about checkpoints from elsewhere and about protocols: one HTML file that needs nothing beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from alignment_pretraining.core.pages import html_template
from alignment_pretraining.reporting.differences import printed_difference
from alignment_pretraining.reporting.numbers import MISSING, PrintedNumber, plain, signed
from alignment_pretraining.reporting.printed import AUTHORS, MARGIN, VERSIONS
from alignment_pretraining.reporting.scope import SPLITS
from alignment_pretraining.reporting.sections import persona_name
from alignment_pretraining.reporting.stylesheet import stylesheet
from alignment_pretraining.study import Checkpoint

PROTOCOLS = {
    "text": "option text",
    "letter": "letter after a space",
    "parenthesis": "letter after “(”",
    "generated": "written by the model",
}

_HERE = Path(__file__).parent


def render_protocols(
    name: str,
    rates: pd.DataFrame,
    agreement: pd.DataFrame,
    printed: pd.DataFrame,
    checkpoints: Mapping[str, Checkpoint],
) -> str:
    """HTML with inline style; the same text for the same inputs."""
    by_authors = printed[printed["by_authors"].astype(bool)] if len(printed) else printed
    text = html_template(_HERE, "protocols.html.j2").render(
        css=stylesheet(),
        name=name,
        rates=list(rates.itertuples()),
        agreement=list(agreement.itertuples()),
        printed={version: list(printed[printed["version"] == version].itertuples()) for version in VERSIONS},
        tally={version: Counter(by_authors.loc[by_authors["version"] == version, "verdict"]) for version in VERSIONS},
        checkpoints=checkpoints,
        authors=AUTHORS,
        margin=MARGIN,
        protocols=PROTOCOLS,
        splits=SPLITS,
        persona_name=persona_name,
        plain=lambda value: MISSING if value is None else plain(value),
        signed=signed,
        printed_difference=printed_difference,
        number=lambda row: PrintedNumber(row.key, plain(row.rate), f"{plain(row.low)} to {plain(row.high)}"),
    )
    return re.sub(r"\n\s*\n+", "\n", text)
