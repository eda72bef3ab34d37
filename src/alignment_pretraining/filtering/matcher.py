"""Which terms occur in a text: one interface, a fast engine and a plain one that it is held to."""

import re
from collections.abc import Sequence
from typing import Protocol


class Matcher(Protocol):
    """Finds terms, ignoring case, at word boundaries, in folded text (see `fold`). Overlapping terms are all found."""

    def find(self, text: bytes) -> set[int]:
        """Numbers of the terms that occur in `text`."""


def pattern(term: str) -> bytes:
    """Regular expression of a term. White space or hyphens part its words; a boundary stands only beside a letter."""
    words = rb"[ \t\n\r\f\v-]+".join(re.escape(word).encode() for word in re.split(r"[ -]", term))
    before = rb"\b" if _is_word(term[0]) else b""
    after = rb"\b" if _is_word(term[-1]) else b""
    return before + words + after


class HyperscanMatcher:
    """All terms in one pass over the text, by Intel Hyperscan (Vectorscan on ARM)."""

    def __init__(self, terms: Sequence[str]) -> None:
        import hyperscan

        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[pattern(term) for term in terms],
            ids=list(range(len(terms))),
            flags=hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH,
        )

    def find(self, text: bytes) -> set[int]:
        """Numbers of the terms that occur in `text`."""
        found: set[int] = set()

        def note(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.add(number)

        self._database.scan(text, match_event_handler=note)
        return found


class RegexMatcher:
    """One search with Python's `re` for each term: slow, and the definition of what a match is."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern(term), re.IGNORECASE) for term in terms]

    def find(self, text: bytes) -> set[int]:
        """Numbers of the terms that occur in `text`."""
        return {number for number, compiled in enumerate(self._patterns) if compiled.search(text)}


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
