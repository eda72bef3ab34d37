"""The figures that answer to the pointer, as data for Plotly: each takes the place of the drawing of its name."""

from __future__ import annotations

import json

import pandas as pd

from alignment_pretraining.reporting.against_paper import plot_against_paper
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.dose import plot_doses
from alignment_pretraining.reporting.forest import plot_forest
from alignment_pretraining.reporting.marks import Plot
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.tokens import plot_tokens
from alignment_pretraining.reporting.topics import plot_topics


def plots(
    rates: pd.DataFrame, contrasts: pd.DataFrame, topics: pd.DataFrame, claims: list[Claim], scope: Scope
) -> dict[str, str]:
    """JSON of every interactive figure by the name of its drawing, to stand in a `script` of the page."""
    drawn = {
        **plot_forest(contrasts),
        **plot_doses(rates, scope),
        **plot_topics(topics, scope),
        **plot_tokens(rates, scope),
        **plot_against_paper(rates, claims, scope),
    }
    return {name: _script(plot) for name, plot in drawn.items()}


def _script(plot: Plot) -> str:
    known = json.loads(json.dumps(plot), parse_constant=lambda _: None)  # JSON has no NaN
    return json.dumps(known, ensure_ascii=False).replace("</", "<\\/")


def plotly_library() -> str:
    """Plotly's own JavaScript, which the page looks for in a file beside it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
