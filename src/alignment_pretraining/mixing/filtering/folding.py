"""Many texts as one, folded as `normalize` does it.

The parts of a term stand one space apart here: a run of white space, hyphens and underscores becomes one space. Of a
character that becomes several letters of other scripts there is one, which parts words as well.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

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
from alignment_pretraining.mixing.filtering.texts import Texts

# Bytes that are folded together: what stands between the steps stays in the cache of a core.
_GROUP = 1 << 18
_EVERY_TERM = 1 << 40  # bytes: more than any text has


class Folded(NamedTuple):
    """Some readings of texts, each followed by a NUL, which is nowhere else.

    Attributes:
        text: All of them, uint8.
        ends: Places of the NULs in `text`, int64 (readings,).
        owners: Numbers of the texts that they are readings of, int64 (readings,).
    """

    text: np.ndarray
    ends: np.ndarray
    owners: np.ndarray


def fold(texts: Texts, reach: int = _EVERY_TERM) -> Iterator[Folded]:
    """Some readings at a time: one of each text, two where `normalize` has two. Those with entities come last.

    Args:
        texts: As Arrow has them, or Python.
        reach: Bytes of the longest term that is looked for. Of second readings there is only what may have a term of
            such a length that the first has not.
    """
    data, starts = _buffers(texts)
    left: list[int] = []
    for first, end in _groups(starts):
        folded, others = _fold(data, starts[first : end + 1], reach, entities=True)
        left.extend((others + first).tolist())
        if len(folded.ends):
            yield folded._replace(owners=folded.owners + first)
    for first, end in _groups(np.append(0, np.cumsum(np.diff(starts)[left]))):
        numbers = np.array(left[first:end])
        group = [meaning(_text(data[starts[number] : starts[number + 1]])) for number in numbers.tolist()]
        folded, _ = _fold(*_buffers(group), reach, entities=False)
        yield folded._replace(owners=numbers[folded.owners])


def _buffers(texts: Texts) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 of all texts, uint8, and where each starts in it and the last one ends, int64 (texts + 1,)."""
    if not isinstance(texts, pa.Array):
        texts = pa.array([text.encode("utf-8", "surrogatepass") for text in texts], pa.large_binary())
    _, starts, data = texts.buffers()
    if not len(texts):
        return np.frombuffer(b"", np.uint8), np.zeros(1, np.int64)
    kind = np.int64 if pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type) else np.int32
    found = np.frombuffer(starts, kind)[texts.offset : texts.offset + len(texts) + 1]
    # All arrays that cannot be written are one type to the compiler.
    return np.frombuffer(memoryview(data or b"").toreadonly(), np.uint8), found.astype(np.int64)


def _groups(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Texts that are folded together: the first one, and one after the last."""
    first = 0
    while first < len(starts) - 1:
        end = int(np.searchsorted(starts, starts[first] + _GROUP, side="right"))
        end = min(max(end - 1, first + 1), len(starts) - 1)
        yield first, end
        first = end


def _fold(data: np.ndarray, starts: np.ndarray, reach: int, entities: bool) -> tuple[Folded, np.ndarray]:
    """The texts folded, numbered from 0, and numbers of those that are not as they may have `entities`."""
    count = len(starts) - 1
    ends, owners, others = np.empty((2, count), np.int64), np.empty((2, count), np.int64), np.empty(count, np.int64)
    size = int(starts[-1] - starts[0]) + count + 2 * loop.ROOM
    while True:
        first, second = np.empty(2 * size, np.uint8), np.empty(size, np.uint8)
        first_size, second_size, seconds, left = loop.fold_texts(
            data, starts, entities, reach, _known.tables, first[:size], second, ends, owners, others
        )
        if first_size == loop.CHARACTER_UNKNOWN:
            _known.learn(set(_text(data[starts[0] : starts[-1]])))
        elif first_size == loop.NO_ROOM:
            size *= 2
        else:
            break
    both = first[: first_size + second_size]
    both[first_size:] = second[:second_size]
    folded = Folded(
        both,
        np.concatenate([ends[0, : count - left], ends[1, :seconds] + first_size]),
        np.concatenate([owners[0, : count - left], owners[1, :seconds]]),
    )
    return folded, others[:left]


def _text(data: np.ndarray) -> str:
    return data.tobytes().decode("utf-8", "surrogatepass")


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
