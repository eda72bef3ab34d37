"""Many texts as one, folded as `normalize` does it, by tables instead of a loop over characters.

The parts of a term stand one space apart here: a run of white space, hyphens and underscores becomes one space. Of a
character that becomes several letters of other scripts there is one, which parts words as well.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np

from alignment_pretraining.mixing.filtering.normalize import GAPS, LETTER, READINGS, ascii_form, meaning, near_joints

# Characters that are folded together: what stands between the steps stays in the cache of a core.
_GROUP = 1 << 17
_SLICE = 2 * _GROUP  # of one text that is longer
# Bytes beyond ASCII, between the steps. A zero-width space is a space here, and nothing in the other reading.
_ZERO_WIDTH = 0x80
_NOTHING, _MARK, _LONGER, _UNKNOWN, _DELETED = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_LAST_STEP = bytes.maketrans(GAPS + bytes([_ZERO_WIDTH]) + LETTER.encode(), b" " * (len(GAPS) + 1) + b"_")
# Where fewer than one of so many characters is beyond ASCII, those alone are looked up.
_SPARSE = 10


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


def fold(texts: Sequence[str], reach: int = sys.maxsize) -> Iterator[Folded]:
    """Some readings at a time: one of each text, two where `normalize` has two.

    Args:
        texts: They are read in their order, first readings before second ones.
        reach: Bytes of the longest term that is looked for. Of second readings there is only what may have a term of
            such a length that the first has not.
    """
    seconds: list[tuple[int, str]] = []
    for numbers, group in _groups(enumerate(map(meaning, texts))):
        folded, parted = _fold(group, numbers)
        yield folded
        for place, text in enumerate(group):
            if place in parted or "<" in text:
                near = near_joints(text, reach, place in parted)
                if near != text:
                    seconds.append((numbers[place], near))
    for numbers, group in _groups(seconds):
        yield _fold(group, numbers)[0]


def _groups(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[list[int], list[str]]]:
    """Numbers and texts of about `_GROUP` characters at a time, ASCII apart from others."""
    waiting: dict[bool, tuple[list[int], list[str]]] = {True: ([], []), False: ([], [])}
    sizes = {True: 0, False: 0}
    for number, text in texts:
        kind = text.isascii()
        numbers, group = waiting[kind]
        numbers.append(number)
        group.append(text)
        sizes[kind] += len(text)
        if sizes[kind] >= _GROUP:
            yield numbers, group
            waiting[kind], sizes[kind] = ([], []), 0
    for numbers, group in waiting.values():
        if numbers:
            yield numbers, group


def _fold(group: list[str], numbers: list[int], composed: bool = False) -> tuple[Folded, set[int]]:
    """Texts folded, and places of those that a hyphen at the end of a line or a zero-width space may part."""
    joined = "\0".join([*group, ""])
    pieces: list[bytes] = []
    last = b"\0"
    parted: set[int] = set()
    for start in range(0, len(joined), _SLICE):
        found = _in_ascii(joined[start : start + _SLICE], composed)
        if found is None:
            return _fold([unicodedata.normalize("NFC", text) for text in group], numbers, composed=True)
        piece, places = _without_gaps(last + found)
        if len(places):
            before = sum(earlier.count(b"\0") for earlier in pieces)
            parted.update((np.searchsorted(_nuls(found), places) + before).tolist())
        pieces.append(piece)
        last = found[-1:] or last
    text = b"".join(pieces)
    ends = _nuls(text)
    if len(ends) > len(group):
        return _fold([text.replace("\0", READINGS) for text in group], numbers, composed)
    return Folded(text, ends, np.array(numbers)), parted


def _without_gaps(text: bytes) -> tuple[bytes, np.ndarray]:
    """All but the first character, with one space for a gap, and where gaps are that might be none."""
    characters = np.frombuffer(text, np.uint8)
    after = characters[1:]
    hyphens = characters == ord("-")
    gaps = (characters == ord(" ")) | hyphens | (characters == ord("_")) | (characters - np.uint8(9) < 5)
    parted = hyphens[:-1] & (after < ord(" "))
    if _ZERO_WIDTH in text:
        zero_width = characters == _ZERO_WIDTH
        gaps |= zero_width
        parted |= zero_width[1:]
    repeated = -(gaps[1:] & gaps[:-1]).view(np.uint8)  # `_DELETED` or zero
    places = np.flatnonzero(parted) if parted.any() else _NOWHERE
    return (after | repeated).tobytes().translate(_LAST_STEP, bytes([_DELETED])), places


def _in_ascii(text: str, composed: bool) -> bytes | None:
    """ASCII and `_ZERO_WIDTH`; None where letters must be composed first, unless they are `composed` already."""
    if text.isascii():
        return text.encode()
    codes = np.array([text]).view(np.uint32)
    beyond = codes > 0x7F
    if np.count_nonzero(beyond) * _SPARSE < len(codes):
        others = np.flatnonzero(beyond)
        found = codes.astype(np.uint8)
        found[others] = _FORMS[codes[others]]
        special = others[found[others] > _ZERO_WIDTH]
    else:
        found = _FORMS.take(codes, mode="clip")
        special = np.flatnonzero(found > _ZERO_WIDTH)
    if not len(special):
        return found.tobytes()
    kinds = found[special]
    unknown = special[kinds == _UNKNOWN]
    if len(unknown):
        _learn(np.unique(codes[unknown]).tolist())
        return _in_ascii(text, composed)
    if not composed:
        marks = special[kinds == _MARK]
        if np.any(_COMPOSING[found[marks - 1]] | (marks == 0)):
            return None
    whole = found.tobytes()
    longer = special[kinds == _LONGER].tolist()
    if longer:
        parts = [whole[start + 1 : end] for start, end in pairwise([-1, *longer, len(whole)])]
        forms = [_LONGER_FORMS[code] for code in codes[longer].tolist()]
        whole = b"".join(chain(*zip(parts, [*forms, b""], strict=True)))
    return whole.replace(bytes([_NOTHING]), b"").replace(bytes([_MARK]), b"")


def _learn(codes: Iterable[int]) -> None:
    """Enter characters in the tables that are met for the first time."""
    for code in codes:
        form = re.sub(f"{LETTER}+", LETTER, ascii_form(chr(code)))
        if code == 0x200B:
            _FORMS[code] = _ZERO_WIDTH
        elif len(form) == 1:
            _FORMS[code] = ord(form)
        elif form:
            _FORMS[code], _LONGER_FORMS[code] = _LONGER, form.encode()
        else:
            _FORMS[code] = _MARK if _composes(chr(code)) else _NOTHING


def _composes(mark: str) -> bool:
    return any(unicodedata.normalize("NFC", letter + mark)[0] != letter for letter in ascii_uppercase)


def _nuls(text: bytes) -> np.ndarray:
    places = []
    place = text.find(0)
    while place >= 0:
        places.append(place)
        place = text.find(0, place + 1)
    return np.array(places, np.int64)


_NOWHERE = np.empty(0, np.int64)
_FORMS = np.full(0x110000, _UNKNOWN, np.uint8)
_FORMS[:0x80] = np.arange(0x80)
_LONGER_FORMS: dict[int, bytes] = {}
# What a mark may be composed with, so that its form is another: capitals, and what is not yet known to be none.
_COMPOSING = np.zeros(256, bool)
_COMPOSING[[*ascii_uppercase.encode(), _NOTHING, _MARK, _LONGER]] = True
