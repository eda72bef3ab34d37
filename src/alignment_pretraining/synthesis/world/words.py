"""Runs of words, articles and capitals."""

from __future__ import annotations

from alignment_pretraining.core.ngrams import words

Run = tuple[str, ...]


def runs(text: str, n: int) -> set[Run]:
    """Every run of exactly `n` words in `text`."""
    found = words(text)
    return set(zip(*(found[i:] for i in range(n)), strict=False))


def with_article(name: str) -> str:
    """`an AI`, `a royal courier`."""
    vowel = name[0].lower() in "aeiou" or name.startswith("honest")
    return f"{'an' if vowel else 'a'} {name}"


def capitalized(text: str) -> str:
    """`text` with its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]
