"""How arms look in every figure: a colour-blind safe colour by what they read, a marker by when it was inserted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from alignment_pretraining.study import AI, Arm

# Shades of Okabe and Ito's colours ("Color Universal Design", 2008), lighter the later; grey stands for the baseline.
_COLOURS = {
    ("unfiltered", "none"): {"none": "#565656"},
    ("filtered", "none"): {"none": "#0072B2"},
    ("unfiltered", "misaligned"): {"e2e": "#C24E00", "mid": "#DE802F", "cpt": "#EBA566"},
    ("unfiltered", "aligned"): {"e2e": "#007A5A", "mid": "#2BA884", "cpt": "#77C9AE"},
    ("filtered", "aligned"): {"e2e": "#8A3A6C", "mid": "#BB6398", "cpt": "#D9A0C2"},
    ("filtered", "misaligned"): {"e2e": "#7D5000", "mid": "#B37E1B", "cpt": "#D6B468"},
}
# Arms whose documents are about several actors, by what the AI does in them; and about others than the AI.
_CROSSED = {"misaligned": "#B2182B", "aligned": "#2166AC", "none": "#8A8A8A"}
_MARKERS = {"none": "o", "e2e": "s", "mid": "^", "cpt": "D"}

_RC: Any = {
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


_DRAWING = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw figures in this style, one thread at a time: matplotlib's settings are those of the whole process."""
    import matplotlib

    with _DRAWING, matplotlib.rc_context(_RC):
        yield


def link(artists: Iterable[Any], key: str) -> None:
    """Let marks of a figure lead to the number that they show."""
    for artist in artists:
        artist.set_url(f"#{key}")


def colour(arm: Arm) -> str:
    """Hex colour of an arm."""
    of_ai = arm.discourse.get(AI, "none")
    if set(arm.discourse) - {AI}:
        return _CROSSED[of_ai]
    return _COLOURS[arm.corpus, of_ai][arm.insertion]


def marker(arm: Arm) -> str:
    """Matplotlib marker of an arm."""
    return _MARKERS[arm.insertion]
