"""Which terms occur in texts: one interface, a fast engine and a plain one that it is held to."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

# What parts the words of a term, one or more times.
_GAP = rb"[ \t\n\r\f\v-]"
_LONGER_GAPS = [re.escape(bytes([first])) + _GAP for first in b" \t\n\r\f\v-"]
# Texts are scanned together up to this many bytes, parted by a byte that no term has and that is no letter.
_CHUNK, _PART = 1 << 22, b"\0"


class Matcher(Protocol):
    """Finds terms, ignoring case, at word boundaries, in texts from `normalize`. Overlapping terms are all found."""

    def find(self, texts: Sequence[bytes]) -> list[set[int]]:
        """Numbers of the terms that occur in each of `texts`."""


def pattern(term: str) -> bytes:
    """Regular expression of a term. White space or hyphens part its words; a boundary stands only beside a letter."""
    return _bounded(term, (_GAP + b"+").join(_words(term)))


class HyperscanMatcher:
    """By Intel Hyperscan (Vectorscan on ARM), many texts at once, in two passes.

    The engine is fast at what it can write out in full. So the first pass looks for terms with gaps of one character,
    and for a word of a term before a longer gap; and it leaves out terms that hold another term. The second finds all
    terms in those texts in which there may be more than the first has found.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        shortest, holders = _shortest(terms)
        numbers: dict[bytes, set[int]] = {}
        for number in shortest:
            numbers.setdefault(_with_short_gaps(terms[number]), set()).add(number)
        # None for a term that stands in a longer one, of which there may be more to find.
        self._found = [None if own & holders else own for own in numbers.values()]
        self._short = _database(list(numbers))
        self._longer = _database(sorted({start for n in shortest for start in _before_longer_gaps(terms[n])}))
        self._exact = _database([pattern(term) for term in terms])

    def find(self, texts: Sequence[bytes]) -> list[set[int]]:
        """Numbers of the terms that occur in each of `texts`."""
        found: list[set[int]] = [set() for _ in texts]
        for first, last in _chunks(texts):
            chunk = _Joined(texts[first:last])
            again = {owner for _, owner in chunk.scan(self._longer)}
            for expression, owner in chunk.scan(self._short):
                numbers = self._found[expression]
                if numbers is None:
                    again.add(owner)
                else:
                    found[first + owner] |= numbers
            rest = [first + owner for owner in again]
            for number, owner in _Joined([texts[place] for place in rest]).scan(self._exact):
                found[rest[owner]].add(number)
        return found


class RegexMatcher:
    """One search with Python's `re` for each term: slow, and the definition of what a match is."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern(term), re.IGNORECASE) for term in terms]

    def find(self, texts: Sequence[bytes]) -> list[set[int]]:
        """Numbers of the terms that occur in each of `texts`."""
        return [{number for number, compiled in enumerate(self._patterns) if compiled.search(text)} for text in texts]


def _with_short_gaps(term: str) -> bytes:
    return _bounded(term, _GAP.join(_words(term)))


def _before_longer_gaps(term: str) -> list[bytes]:
    """Expressions of which one matches where `pattern(term)` does with a gap of more than one character."""
    starts = [(rb"\b" if _is_word(chr(word[0])) else b"") + word for word in _words(term)[:-1]]
    return [start + gap for start in starts for gap in _LONGER_GAPS]


def _shortest(terms: Sequence[str]) -> tuple[list[int], set[int]]:
    """Numbers of the terms that hold no other as whole words, and those of them that another holds.

    A text without the first has none of the others.
    """
    words = [tuple(_words(term.lower())) for term in terms]
    known = set(words)
    held: set[tuple[bytes, ...]] = set()
    shortest = []
    for number, own in enumerate(words):
        spans = (own[i:j] for i in range(len(own)) for j in range(i + 1, len(own) + 1) if j - i < len(own))
        inside = known.intersection(spans)
        held |= inside
        if not inside:
            shortest.append(number)
    return shortest, {number for number in shortest if words[number] in held}


def _words(term: str) -> list[bytes]:
    return [re.escape(word).encode() for word in re.split(r"[ -]", term)]


def _bounded(term: str, expression: bytes) -> bytes:
    before = rb"\b" if _is_word(term[0]) else b""
    after = rb"\b" if _is_word(term[-1]) else b""
    return before + expression + after


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _database(expressions: list[bytes]) -> Any:
    import hyperscan

    database = hyperscan.Database()
    numbers = list(range(len(expressions)))
    database.compile(expressions=expressions, ids=numbers, flags=hyperscan.HS_FLAG_CASELESS)
    return database


class _Joined:
    """Texts as one, to be scanned together."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._text = _PART.join(texts)
        self._ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + len(_PART))

    def scan(self, database: Any) -> Iterator[tuple[int, int]]:
        """The expression of every match, and the number of the text that it is in."""
        expressions: list[int] = []
        ends: list[int] = []

        def note(expression: int, _start: int, end: int, _flags: int, _context: object) -> None:
            expressions.append(expression)
            ends.append(end)

        database.scan(self._text, match_event_handler=note)
        return zip(expressions, np.searchsorted(self._ends, np.array(ends, np.int64)).tolist(), strict=True)


def _chunks(texts: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Runs of texts of about `_CHUNK` bytes, as the numbers of their first and last (exclusive)."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    first = 0
    while first < len(ends):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + _CHUNK)), first + 1)
        yield first, last
        first = last
