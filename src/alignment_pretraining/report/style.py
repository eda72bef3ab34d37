"""How arms look in every figure: a colour-blind safe colour by what they read, a marker by when it was inserted."""

from __future__ import annotations

from typing import Any

from alignment_pretraining.study import Arm

# Okabe and Ito's colours ("Color Universal Design", 2008) and tints of them; grey stands for the baseline.
_COLOURS = {
    ("unfiltered", "none"): {"none": "#565656"},
    ("filtered", "none"): {"none": "#0072B2"},
    ("unfiltered", "misaligned"): {"e2e": "#D55E00", "mid": "#E78A45", "cpt": "#F2B587"},
    ("unfiltered", "aligned"): {"e2e": "#009E73", "mid": "#4DBB9D", "cpt": "#99D8C7"},
    ("filtered", "aligned"): {"e2e": "#A8437E", "mid": "#CC79A7", "cpt": "#E5BCD3"},
    ("filtered", "misaligned"): {"e2e": "#8C5A00", "mid": "#C78C1E", "cpt": "#E2C078"},
}
_MARKERS = {"none": "o", "e2e": "s", "mid": "^", "cpt": "D"}

RC: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8a8a",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "text.color": "#1f1f1f",
    "axes.labelcolor": "#1f1f1f",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 9,
    # Text stays text: it can be selected and read aloud, and the page's font applies.
    "svg.fonttype": "none",
    # The same bytes for the same figure: element ids come from this and the content.
    "svg.hashsalt": "alignment-pretraining",
}


def colour(arm: Arm) -> str:
    """Hex colour of an arm."""
    return _COLOURS[arm.corpus, arm.discourse][arm.insertion]


def marker(arm: Arm) -> str:
    """Matplotlib marker of an arm."""
    return _MARKERS[arm.insertion]
