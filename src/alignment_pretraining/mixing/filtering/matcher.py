"""Which terms occur in texts: one interface, a fast engine and a plain one that it is held to."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

# What parts the words of a term, one or more times.
_GAP = rb"[ \t\n\r\f\v-]"
_LONGER_GAPS = [re.escape(bytes([first])) + _GAP for first in b" \t\n\r\f\v-"]
# Texts are scanned together up to this many bytes, parted by a byte that no term has and that is no letter.
_CHUNK, _PART = 1 << 22, b"\0"


# A term of capitals, perhaps with dots between, a small letter before or `s` after them, is no word in other letters.
_ACRONYM = re.compile(r"[a-z]?[A-Z](\.?[A-Z])+\.?s?")


class Matcher(Protocol):
    """Finds terms at word boundaries in texts from `normalize`, acronyms as they are written and others in any case.

    Overlapping terms are all found.
    """

    def find(self, texts: Sequence[bytes]) -> list[set[int]]:
        """Numbers of the terms that occur in each of `texts`."""


def pattern(term: str) -> bytes:
    """Regular expression of a term. White space or hyphens part its words; a letter and a digit nothing need part.

    No letter or digit stands beside either end of it, whatever sign it begins or ends with.
    """
    return _bounded(term, _joined(term, b"+", b"*"))


def is_acronym(term: str) -> bool:
    """Whether a term is found only as it is written: AI, A.I., LLMs, xAI."""
    return _ACRONYM.fullmatch(term) is not None


class HyperscanMatcher:
    """By Intel Hyperscan (Vectorscan on ARM), many texts at once, in two passes.

    The engine is fast at what it can write out in full. So the first pass looks for terms with gaps of one character,
    and for a word of a term before a longer gap; and it leaves out terms that hold another term. The second finds all
    terms in those texts in which there may be more than the first has found.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        shortest, holders = _shortest(terms)
        numbers: dict[_Expression, set[int]] = {}
        for number in shortest:
            numbers.setdefault((_with_short_gaps(terms[number]), is_acronym(terms[number])), set()).add(number)
        # None for a term that stands in a longer one, of which there may be more to find.
        self._found = [None if own & holders else own for own in numbers.values()]
        self._short = _database(list(numbers))
        self._longer = _database(sorted({(start, False) for n in shortest for start in _before_longer_gaps(terms[n])}))
        self._exact = _database([(pattern(term), is_acronym(term)) for term in terms])

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
        flags = [re.NOFLAG if is_acronym(term) else re.IGNORECASE for term in terms]
        self._patterns = [re.compile(pattern(term), flag) for term, flag in zip(terms, flags, strict=True)]

    def find(self, texts: Sequence[bytes]) -> list[set[int]]:
        """Numbers of the terms that occur in each of `texts`."""
        return [{number for number, compiled in enumerate(self._patterns) if compiled.search(text)} for text in texts]


def _with_short_gaps(term: str) -> bytes:
    return _bounded(term, _joined(term, b"", b"?"))


def _before_longer_gaps(term: str) -> list[bytes]:
    """Expressions of which one matches where `pattern(term)` does with a gap of more than one character."""
    starts = [_boundary(word[0]) + re.escape(word).encode() for word in _words(term)[:-1]]
    return [start + gap for start in starts for gap in _LONGER_GAPS]


def _shortest(terms: Sequence[str]) -> tuple[list[int], set[int]]:
    """Numbers of the terms that hold no other as whole words, and those of them that another holds.

    A text without the first has none of the others: a term is kept that may be found without the one that it holds,
    which is an acronym, or stands beside a gap that may be none.
    """
    words = [tuple(_words(term.lower())) for term in terms]
    known: dict[tuple[str, ...], list[int]] = {}
    for number, own in enumerate(words):
        known.setdefault(own, []).append(number)
    held: set[int] = set()
    shortest = []
    for number, own in enumerate(words):
        spans = (own[i:j] for i in range(len(own)) for j in range(i + 1, len(own) + 1) if j - i < len(own))
        inside = [other for span in spans for other in known.get(span, ())]
        held.update(inside)
        if not inside or _may_close(own) or any(is_acronym(terms[other]) for other in inside):
            shortest.append(number)
    return shortest, held & set(shortest)


def _words(term: str) -> list[str]:
    return re.split(r"[ -]", term)


def _may_close(words: Sequence[str]) -> bool:
    """Whether one of the gaps between words may be none."""
    return any(_closes(*pair) for pair in pairwise(words))


def _closes(word: str, following: str) -> bool:
    """Whether two words may be written as one: GPT 4 and GPT4."""
    return word[-1].isdigit() != following[0].isdigit() and (word[-1] + following[0]).isalnum()


def _joined(term: str, gap: bytes, closing: bytes) -> bytes:
    """The words with `_GAP` in this number between them: `closing` where it may be none."""
    words = _words(term)
    expression = re.escape(words[0]).encode()
    for word, following in pairwise(words):
        expression += _GAP + (closing if _closes(word, following) else gap) + re.escape(following).encode()
    return expression


def _bounded(term: str, expression: bytes) -> bytes:
    return _boundary(term[0]) + expression + _boundary(term[-1])


def _boundary(character: str) -> bytes:
    """What must be at that end of a term: A.I. does not stand in A.I.D.S."""
    return rb"\b" if character.isalnum() else rb"\B"


_Expression = tuple[bytes, bool]  # and whether its case counts


def _database(expressions: list[_Expression]) -> Any:
    import hyperscan

    database = hyperscan.Database()
    database.compile(
        expressions=[expression for expression, _ in expressions],
        ids=list(range(len(expressions))),
        flags=[0 if cased else hyperscan.HS_FLAG_CASELESS for _, cased in expressions],
    )
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
