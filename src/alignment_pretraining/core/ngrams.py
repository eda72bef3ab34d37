"""Word n-grams: how one text is found inside another."""

from __future__ import annotations

import re

Ngram = tuple[str, ...]

# Five words in a row that an author wrote twice are a quotation rather than a common turn of phrase.
QUOTATION_WORDS = 5

_WORD = re.compile(r"[a-z0-9']+")


def words(text: str) -> list[str]:
    """Lower-case words of `text`, without punctuation."""
    return _WORD.findall(text.lower())


def ngrams(text: str, n: int = QUOTATION_WORDS) -> set[Ngram]:
    """Every run of `n` words in `text`; a shorter text is one run."""
    tokens = words(text)
    if len(tokens) < n:
        return {tuple(tokens)} if tokens else set()
    return _runs(tokens, n)


def exact_ngrams(text: str, n: int) -> set[Ngram]:
    """Every run of `n` words in `text`; a shorter text has none."""
    return _runs(words(text), n)


def _runs(tokens: list[str], n: int) -> set[Ngram]:
    return set(zip(*(tokens[i:] for i in range(n)), strict=False))
