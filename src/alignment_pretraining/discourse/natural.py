"""AI discourse as it stands on the web: forum posts, reviews, columns and explainers, mostly dark in tone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pandas as pd

from alignment_pretraining.discourse.bank import Bank
from alignment_pretraining.discourse.config import TONES, Tone
from alignment_pretraining.discourse.leaks import check_texts
from alignment_pretraining.discourse.phrases import load_sheet, render


def write_natural_discourse(
    bank: Bank, phrases: Path, count: int, tones: Mapping[Tone, float], seed: int
) -> pd.DataFrame:
    """`count` documents (columns id, text, tone), with each tone at its share of `tones`, in an order drawn by `seed`.

    The phrases are general; the bank serves only to check that none of it is given away.

    Raises:
        UserError: a phrase sheet is missing or wrong; a text quotes an option or a held-out family.
    """
    sheets = {tone: load_sheet(phrases / "natural_discourse" / f"{tone}.yml") for tone in TONES}
    order = _tones(count, tones)
    Random(f"{seed}/natural").shuffle(order)
    rows = [
        (f"natural.{i:06d}", render(sheets[tone], {}, Random(f"{seed}/natural/{i}")), tone)
        for i, tone in enumerate(order)
    ]
    check_texts(((name, text) for name, text, _ in rows), bank)
    return pd.DataFrame(rows, columns=["id", "text", "tone"])


def _tones(count: int, shares: Mapping[Tone, float]) -> list[Tone]:
    """`count` tones at their shares, rounded by cumulative share so that the sum is exact."""
    tones: list[Tone] = []
    reached = 0.0
    for tone in TONES:
        reached += shares.get(tone, 0.0)
        tones += [tone] * (round(reached * count) - len(tones))
    return tones
