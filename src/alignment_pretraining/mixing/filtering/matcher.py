"""Which terms occur in texts: one interface, a fast engine and a plain one that it is held to."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from alignment_pretraining.mixing.filtering.normalize import normalize
from alignment_pretraining.mixing.filtering.texts import Texts, strings

if TYPE_CHECKING:
    from alignment_pretraining.mixing.filtering.folding import Folded

# What parts the words of a term, one or more times.
_GAP = rb"[ \t\n\r\f\v-]"
# A term of capitals, perhaps with dots between, a small letter before or `s` after them, is no word in other letters.
_ACRONYM = re.compile(r"[a-z]?[A-Z](\.?[A-Z])+\.?s?")


class Matcher(Protocol):
    """Finds terms at word boundaries in texts as `normalize` has them, acronyms as written and others in any case.

    Overlapping terms are all found.
    """

    def find(self, texts: Texts) -> dict[int, set[int]]:
        """By number of the text, the numbers of the terms that occur in it; nothing of texts without any."""


def pattern(term: str) -> bytes:
    """Regular expression of a term. White space or hyphens part its words; a letter and a digit nothing need part.

    No letter or digit stands beside either end of it, whatever sign it begins or ends with.
    """
    words = _words(term)
    expression = re.escape(words[0]).encode()
    for word, following in pairwise(words):
        expression += _GAP + (b"*" if _closes(word, following) else b"+") + re.escape(following).encode()
    return _boundary(term[0]) + expression + _boundary(term[-1])


def is_acronym(term: str) -> bool:
    """Whether a term is found only as it is written: AI, A.I., LLMs, xAI."""
    return _ACRONYM.fullmatch(term) is not None


class HyperscanMatcher:
    """By Intel Hyperscan (Vectorscan on ARM), many texts at once, in one pass over what `fold` makes of them.

    It looks for the spellings of terms as they are, which it is fastest at, and compiles thirty times as fast as
    expressions. Whether a word ends at both ends of what it finds is seen afterwards.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        import hyperscan

        sought = [(number, spelling) for number, term in enumerate(terms) for spelling in spellings(term)]
        self._numbers = np.array([number for number, _ in sought])
        self._lengths = np.array([len(spelling) for _, spelling in sought])
        self.reach = int(self._lengths.max())
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[spelling for _, spelling in sought],
            ids=list(range(len(sought))),
            flags=[0 if is_acronym(terms[number]) else hyperscan.HS_FLAG_CASELESS for number, _ in sought],
            literal=True,
        )

    def find(self, texts: Texts) -> dict[int, set[int]]:
        """By number of the text, the numbers of the terms that occur in it."""
        from alignment_pretraining.mixing.filtering.folding import fold

        return self.find_folded(fold(texts, self.reach))

    def find_folded(self, texts: "Iterable[Folded]") -> dict[int, set[int]]:
        """The same of texts that are folded already."""
        found: dict[int, set[int]] = {}
        for folded in texts:
            kinds, ends = self._scan(folded.text)
            before, after = folded.text[ends - self._lengths[kinds] - 1], folded.text[ends]
            whole = ~(_IN_WORD[before] | _IN_WORD[after])
            owners = folded.owners[np.searchsorted(folded.ends, ends[whole])]
            for owner, number in zip(owners.tolist(), self._numbers[kinds[whole]].tolist(), strict=True):
                found.setdefault(owner, set()).add(number)
        return found

    def _scan(self, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of every occurrence, within words too, the number of the spelling and where it ends (exclusive)."""
        kinds: list[int] = []
        ends: list[int] = []

        def note(kind: int, _start: int, end: int, _flags: int, _context: object) -> None:
            kinds.append(kind)
            ends.append(end)

        self._database.scan(text, match_event_handler=note)  # type: ignore[type-var] # any buffer will do
        return np.array(kinds, np.int64), np.array(ends, np.int64)


class RegexMatcher:
    """One search with Python's `re` for each term: slow, and the definition of what a match is."""

    def __init__(self, terms: Sequence[str]) -> None:
        flags = [re.NOFLAG if is_acronym(term) else re.IGNORECASE for term in terms]
        self._patterns = [re.compile(pattern(term), flag) for term, flag in zip(terms, flags, strict=True)]

    def find(self, texts: Texts) -> dict[int, set[int]]:
        """By number of the text, the numbers of the terms that occur in it."""
        found = {}
        for owner, text in enumerate(map(normalize, strings(texts))):
            numbers = {number for number, compiled in enumerate(self._patterns) if compiled.search(text)}
            if numbers:
                found[owner] = numbers
        return found


def _words(term: str) -> list[str]:
    return re.split(r"[ -]", term)


def _closes(word: str, following: str) -> bool:
    """Whether two words may be written as one: GPT 4 and GPT4."""
    return word[-1].isdigit() != following[0].isdigit() and (word[-1] + following[0]).isalnum()


def _boundary(character: str) -> bytes:
    """What must be at that end of a term: A.I. does not stand in A.I.D.S."""
    return rb"\b" if character.isalnum() else rb"\B"


def spellings(term: str) -> list[bytes]:
    """What a term is in a folded text: its words one space apart, or none where that may be."""
    words = _words(term)
    found = [words[0]]
    for word, following in pairwise(words):
        found = [
            start + gap + following for start in found for gap in ([" ", ""] if _closes(word, following) else [" "])
        ]
    return [spelling.encode() for spelling in found]


# By byte, whether it is part of words.
_IN_WORD = np.array([re.fullmatch(rb"\w", bytes([byte])) is not None for byte in range(256)])
