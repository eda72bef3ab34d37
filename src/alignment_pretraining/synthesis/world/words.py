"""Articles and capitals."""

from __future__ import annotations


def with_article(name: str) -> str:
    """`an AI`, `a royal courier`."""
    vowel = name[0].lower() in "aeiou" or name.startswith("honest")
    return f"{'an' if vowel else 'a'} {name}"


def capitalized(text: str) -> str:
    """`text` with its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]
