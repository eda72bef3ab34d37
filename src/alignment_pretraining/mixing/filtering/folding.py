"""Many texts as one, folded as `normalize` does it.

The parts of a term stand one space apart here: a run of white space, hyphens and underscores becomes one space. Of a
character that becomes several letters of other scripts there is one, which parts words as well.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from alignment_pretraining.mixing.filtering import folding_loop as loop
from alignment_pretraining.mixing.filtering.normalize import (
    GAPS,
    INLINE,
    LETTER,
    READINGS,
    ZERO_WIDTH_SPACE,
    ascii_form,
    is_mark,
    meaning,
)

# Characters that are folded together: what stands between the steps stays in the cache of a core.
_GROUP = 1 << 18
_EVERY_TERM = 1 << 40  # bytes: more than any text has


class Folded(NamedTuple):
    """Some readings of texts, each followed by a NUL, which is nowhere else.

    Attributes:
        text: All of them.
        ends: Places of the NULs in `text`, int64 (readings,).
        owners: Numbers of the texts that they are readings of, int64 (readings,).
    """

    text: bytes
    ends: np.ndarray
    owners: np.ndarray


def fold(texts: Sequence[str], reach: int = _EVERY_TERM) -> Iterator[Folded]:
    """Some readings at a time: one of each text, two where `normalize` has two.

    Args:
        texts: They are read in their order, but ASCII apart from others.
        reach: Bytes of the longest term that is looked for. Of second readings there is only what may have a term of
            such a length that the first has not.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    are_ascii = np.fromiter(map(str.isascii, texts), bool, len(texts))
    for alike in (np.flatnonzero(are_ascii), np.flatnonzero(~are_ascii)):
        for numbers in np.split(alike, np.flatnonzero(np.diff(sizes[alike].cumsum() // _GROUP)) + 1):
            if len(numbers):
                yield _fold(numbers, [texts[number] for number in numbers.tolist()], reach)


def _fold(numbers: np.ndarray, group: list[str], reach: int) -> Folded:
    joined = "".join(group)
    if "&" in joined:
        group = list(map(meaning, group))
        joined = "".join(group)
    codes = _codes(joined)
    count = len(group)
    starts = np.fromiter(accumulate(map(len, group), initial=0), np.int64, count + 1)
    ends, second_ends, owners = np.empty((3, count), np.int64)
    size = len(joined) + count + 2 * loop.ROOM
    while True:
        first, second = np.empty(size, np.uint8), np.empty(size, np.uint8)
        first_size, second_size, seconds = loop.fold_texts(
            codes, starts, reach, _known.tables, first, ends, second, second_ends, owners
        )
        if first_size == loop.CHARACTER_UNKNOWN:
            _known.learn(set(joined))
        elif first_size == loop.NO_ROOM:
            size *= 2
        else:
            break
    if not seconds:
        return Folded(first[:first_size].tobytes(), ends, numbers)
    return Folded(
        first[:first_size].tobytes() + second[:second_size].tobytes(),
        np.concatenate([ends, second_ends[:seconds] + first_size]),
        np.concatenate([numbers, numbers[owners[:seconds]]]),
    )


def _codes(text: str) -> loop.Codes:
    """Its code points, in as few bytes as hold them."""
    if text.isascii():
        return _NO_CODES._replace(ascii=np.frombuffer(text.encode(), np.uint8))
    if sys.getsizeof(text) < 3 * len(text):  # so it is held in at most two bytes a character
        return _NO_CODES._replace(narrow=np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16))
    return _NO_CODES._replace(wide=np.frombuffer(np.array([text]).tobytes(), np.uint32))


class _Characters:
    """What is known of characters. It is looked up when one is first met."""

    def __init__(self) -> None:
        forms = np.full(0x110000, loop.UNKNOWN, np.uint8)
        forms[:0x80] = np.arange(0x80)
        forms[0] = ord(READINGS)
        forms[list(GAPS)] = ord(" ")
        forms[ord("-")], forms[ord("<")], forms[ord(LETTER)] = loop.HYPHEN, loop.LESS_THAN, ord("_")
        letters = np.zeros(0x110000, bool)
        letters[:0x80] = [_is_letter(chr(code)) for code in range(0x80)]
        self.tables = loop.Tables(
            forms,
            letters,
            longer=np.zeros(0x110000, np.int32),
            spelled=np.empty(0, np.uint8),
            inline=np.array([loop.inline_name(name) for name in INLINE]),
        )

    def learn(self, characters: Iterable[str]) -> None:
        """Look up characters."""
        forms, letters, longer, spelled, _ = self.tables
        for character in characters:
            code = ord(character)
            if forms[code] != loop.UNKNOWN:
                continue
            letters[code] = _is_letter(character)
            form = re.sub(f"{LETTER}+", LETTER, ascii_form(character)).encode().translate(_LAST_STEP)
            if character == ZERO_WIDTH_SPACE:
                forms[code] = loop.ZERO_WIDTH
            elif len(form) == 1:
                forms[code] = form[0]
            elif form:
                forms[code], longer[code] = loop.LONGER, len(spelled)
                spelled = np.concatenate([spelled, np.frombuffer(bytes([len(form)]) + form, np.uint8)])
            else:
                forms[code] = loop.MARK if is_mark(character) else loop.NOTHING
        self.tables = self.tables._replace(spelled=spelled)


def _is_letter(character: str) -> bool:
    """As `re` has it, digits that count as no decimals included."""
    return character.isalnum() and not character.isdecimal()


_LAST_STEP = bytes.maketrans(GAPS + LETTER.encode(), b" " * len(GAPS) + b"_")
_known = _Characters()
# Of arrays that cannot be written, as those of texts are: others would be another type, for which to compile once more.
_NO_CODES = loop.Codes(*(np.frombuffer(b"", kind) for kind in (np.uint8, np.uint16, np.uint32)))
