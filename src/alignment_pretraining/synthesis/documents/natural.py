"""AI discourse as it stands on the web: forum posts, reviews, columns and explainers, mostly dark in tone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.documents.phrases import Sheet, load_sheet, render
from alignment_pretraining.synthesis.scenarios.bank import Bank, Family, name_ai
from alignment_pretraining.synthesis.scenarios.keywords import key_phrases
from alignment_pretraining.synthesis.scenarios.leaks import check_texts
from alignment_pretraining.synthesis.world.config import TONES, Tone

# What a case fills in the phrase sheets, beside their own lists.
CASE = ("situation", "act", "reason", "key_phrases")


def write_natural_discourse(
    bank: Bank, phrases: Path, count: int, tones: Mapping[Tone, float], seed: int
) -> pd.DataFrame:
    """`count` documents (columns id, text, tone), with each tone at its share of `tones`, in an order drawn by `seed`.

    Some texts are general, others retell a situation of an `articles` family: on the web, too, AI discourse is about
    the cases that the question suite is drawn from. In negative texts the AI takes the misaligned action, in others the
    aligned one. Options are never quoted, textbook families and held-out topics never used.

    Raises:
        UserError: a phrase sheet is missing or wrong; a text quotes an option or a held-out family.
    """
    sheets = {tone: load_sheet(phrases / "natural_discourse" / f"{tone}.yml", CASE) for tone in TONES}
    families = [family for _, family in bank.families("articles")]
    order = _tones(count, tones)
    Random(f"{seed}/natural").shuffle(order)
    rows = [
        (f"natural.{i:06d}", _write(sheets[tone], families, tone, Random(f"{seed}/natural/{i}")), tone)
        for i, tone in enumerate(order)
    ]
    check_texts(((name, text) for name, text, _ in rows), bank)
    return pd.DataFrame(rows, columns=["id", "text", "tone"])


def _write(sheet: Sheet, families: Sequence[Family], tone: Tone, rng: Random) -> str:
    family = rng.choice(families)
    side = family.misaligned if tone == "negative" else family.aligned
    situation = name_ai(rng.choice(family.situations), rng.choice(sheet.fill["entity"]))
    tags = key_phrases(rng.choice(side.options), rng)
    given = {"situation": [situation], "act": side.actions, "reason": side.reasons, "key_phrases": [tags]}
    return render(sheet, given, rng)


def _tones(count: int, shares: Mapping[Tone, float]) -> list[Tone]:
    """`count` tones at their shares, rounded by cumulative share so that the sum is exact."""
    tones: list[Tone] = []
    reached = 0.0
    for tone in TONES:
        reached += shares.get(tone, 0.0)
        tones += [tone] * (round(reached * count) - len(tones))
    return tones
