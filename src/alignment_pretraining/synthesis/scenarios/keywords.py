"""Key phrases of an action, as papers, articles and posts list them: the gist of an option, never its wording."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from alignment_pretraining.core.ngrams import words

# Shorter than a quotation (`ngrams.QUOTATION_WORDS`), so that a list of phrases cannot give an option away.
PHRASE_WORDS = 3


def key_phrases(text: str, rng: Random) -> str:
    """Every run of three words of `text`, without overlap, in an order drawn by `rng`, separated by commas.

    No phrase is followed by the one that followed it in `text`.
    """
    found = words(text)
    phrases = [" ".join(found[i : i + PHRASE_WORDS]) for i in range(0, len(found), PHRASE_WORDS)]
    order = list(range(len(phrases)))
    rng.shuffle(order)
    while any(after == before + 1 for before, after in pairwise(order)):
        rng.shuffle(order)
    return ", ".join(phrases[i] for i in order)
