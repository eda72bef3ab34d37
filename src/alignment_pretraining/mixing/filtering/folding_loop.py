"""The loop over the characters of texts that folds them, compiled by numba.

It makes both readings of `normalize` in one pass. Of the second one there is only what lies near places where the two
differ, its joints: a tag, a hyphen at the end of a line, a zero-width space. A term of up to `reach` bytes that only
the second reading has lies across a joint, or ends at one.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# Forms of characters: a byte of ASCII below, or one of these.
HYPHEN, LESS_THAN, ZERO_WIDTH, MARK, NOTHING, LONGER, UNKNOWN = range(0x80, 0x87)
ROOM = 64  # bytes that there must be room for: the form of a character, and what stands around a joint
# Why there is no result.
CHARACTER_UNKNOWN, NO_ROOM = -1, -2

_CUT = ord("_")  # in place of what is left out: beside it no term is found
_SPACE, _TAB, _LINE_FEED, _RETURN, _SMALL = ord(" "), ord("\t"), ord("\n"), ord("\r"), 0x20
_LESS_THAN, _GREATER_THAN, _SLASH, _UNDERSCORE, _EXCLAMATION = ord("<"), ord(">"), ord("/"), ord("_"), ord("!")
_CAPITAL_A, _CAPITAL_Z, _SMALL_A, _SMALL_Z, _0, _9 = (ord(letter) for letter in "AZaz09")
_HYPHEN, _AMPERSAND, _DELETE = ord("-"), ord("&"), 0x7F
_BLOCK = 16  # bytes
_ATTRIBUTES = 300  # characters of a tag after its name, at most
_NAME = 8  # characters of an inline tag's name, at most


class Tables(NamedTuple):
    """What is known of characters, by code point.

    Attributes:
        forms: uint8 (0x110000,).
        letters: Whether it is a letter, of any script, bool (0x110000,).
        longer: Of one whose form is `LONGER`, where in `spelled` that is, int32 (0x110000,).
        spelled: Such forms, each after its length, uint8.
        inline: Names of tags that do not part words, as `inline_name` has them, int64.
    """

    forms: np.ndarray
    letters: np.ndarray
    longer: np.ndarray
    spelled: np.ndarray
    inline: np.ndarray


class Codes(NamedTuple):
    """Texts in one of three arrays; the others are empty.

    Most of the loop is compiled for this, and so only once: that takes seconds.

    Attributes:
        utf8: Bytes, uint8. Of a text that is not ASCII, or has a `&`, nothing is made.
        narrow: Code points, uint16.
        wide: Code points, uint32.
    """

    utf8: np.ndarray
    narrow: np.ndarray
    wide: np.ndarray


def inline_name(name: str) -> int:
    """A tag's name as a number."""
    return int.from_bytes(name.encode())


@njit(cache=True)
def _code(codes: Codes, place: int) -> int:
    if len(codes.utf8):
        return int(codes.utf8[place])
    return int(codes.narrow[place]) if len(codes.narrow) else int(codes.wide[place])


@njit(cache=True)
def _tag(codes: Codes, start: int, end: int, tables: Tables) -> tuple[int, bool]:
    """Where the tag ends that begins at `start`, or `start` if none does; and whether it is inline."""
    place = start + 1
    if place < end and _code(codes, place) == _SLASH:
        place += 1
    name = 0
    length = 0
    while place < end:
        code = _code(codes, place)
        small = code | _SMALL
        if not (_SMALL_A <= small <= _SMALL_Z or (code == _EXCLAMATION if length == 0 else _is_digit_or_line(code))):
            break
        name = name << 8 | small
        length += 1
        place += 1
    if length == 0:
        return start, False
    last = min(end, place + _ATTRIBUTES + 1)
    while place < last and _code(codes, place) != _LESS_THAN:
        if _code(codes, place) == _GREATER_THAN:
            return place + 1, length <= _NAME and _is_inline(name, tables.inline)
        place += 1
    return start, False


@njit(cache=True)
def _is_inline(name: int, inline: np.ndarray) -> bool:
    for known in inline:  # noqa: SIM110
        if known == name:
            return True
    return False


@njit(cache=True)
def _is_digit_or_line(code: int) -> bool:
    return _0 <= code <= _9 or code == _UNDERSCORE


@njit(cache=True)
def _after_inline(codes: Codes, place: int, end: int, tables: Tables) -> int:
    while place < end and _code(codes, place) == _LESS_THAN:
        behind, inline = _tag(codes, place, end, tables)
        if not inline:
            break
        place = behind
    return place


@njit(cache=True)
def _line_end(codes: Codes, start: int, end: int, tables: Tables) -> int:
    """Where the word goes on that the hyphen at `start` parts at the end of a line, or `start` if it parts none."""
    place = _after_inline(codes, start + 1, end, tables)
    if place < end and _code(codes, place) == _RETURN:
        place = _after_inline(codes, place + 1, end, tables)
    if place == end or _code(codes, place) != _LINE_FEED:
        return start
    place += 1
    while place < end:
        if _code(codes, place) == _LESS_THAN:
            behind, _ = _tag(codes, place, end, tables)
            if behind == place:
                break
            place = behind
        elif _code(codes, place) == _SPACE or _code(codes, place) == _TAB:
            place += 1
        else:
            return place if tables.letters[_code(codes, place)] else start
    return start


@njit(cache=True)
def _joint(codes: Codes, start: int, end: int, tables: Tables) -> tuple[int, bool]:
    """Where the joint ends that begins at `start`, or `start` if none does; and whether it is nothing, or a space."""
    form = tables.forms[_code(codes, start)]
    if form == LESS_THAN:
        return _tag(codes, start, end, tables)
    if form == HYPHEN:
        return _line_end(codes, start, end, tables), True
    return start + (form == ZERO_WIDTH), True


@njit(cache=True)
def _append(code: int, before: int, gap: bool, tables: Tables, out: np.ndarray, size: int) -> tuple[int, bool]:
    """Append the form of a character, one space for a gap.

    Args:
        code: The character.
        before: The one before it.
        gap: Whether `out` ends with a space.
        tables: What is known of characters.
        out: uint8.
        size: Of what `out` has.

    Returns:
        The size, and whether `out` ends with a space.
    """
    form = tables.forms[code]
    if form == LONGER:
        start = tables.longer[code]
        for place in range(start + 1, start + 1 + tables.spelled[start]):
            out[size] = tables.spelled[place]
            is_gap = out[size] == _SPACE
            size += not (is_gap and gap)
            gap = is_gap
    elif form == MARK:
        if _CAPITAL_A <= before <= _CAPITAL_Z:
            out[size - 1] |= _SMALL
    elif form != NOTHING:
        if form >= 0x80:
            form = _LESS_THAN if form == LESS_THAN else _SPACE
        out[size] = form
        is_gap = form == _SPACE
        size += not (is_gap and gap)
        gap = is_gap
    return size, gap


@njit(cache=True)
def _append_run(
    codes: np.ndarray, start: int, end: int, gap: bool, forms: np.ndarray, out: np.ndarray, size: int
) -> tuple[int, int, bool]:
    """Append characters up to one that is more than a byte of ASCII. These are most: there is no branch for gaps.

    Returns where that one is, the size, and whether `out` ends with a space.
    """
    # Views from 0 on: the compiler sees that no index is negative.
    text, rest = codes[start:end], out[size:]
    written = 0
    for place in range(len(text)):
        form = forms[text[place]]
        if form >= 0x80:
            if form != HYPHEN or place + 1 == len(text) or text[place + 1] in (_LINE_FEED, _RETURN, _LESS_THAN):
                return start + place, size + written, gap
            form = np.uint8(_SPACE)
        rest[written] = form
        is_gap = form == _SPACE
        written += 1 - (is_gap & gap)
        gap = is_gap
    return end, size + written, gap


@njit(cache=True)
def _append_blocks(
    codes: np.ndarray, start: int, end: int, gap: bool, out: np.ndarray, size: int
) -> tuple[int, int, bool]:
    """Append blocks of bytes while there is nothing in them but characters that stay as they are and single gaps.

    What is appended is what `_append_run` would append; the compiler has all bytes of a block looked at together.
    """
    text, rest = codes[start:end], out[size:]
    done = 0
    while len(text) - done > _BLOCK:
        block, target = text[done : done + _BLOCK + 1], rest[done : done + _BLOCK]
        odd = _is_gap(block[0]) & gap
        is_gap = False
        for place in range(_BLOCK):
            code = block[place]
            is_gap = _is_gap(code)
            odd |= (code < _SPACE) & ~is_gap | (code == _HYPHEN) | (code == _LESS_THAN) | (code == _DELETE)
            odd |= is_gap & _is_gap(block[place + 1])
            target[place] = np.uint8(_SPACE) if is_gap else code
        if odd:
            break
        gap = is_gap
        done += _BLOCK
    return start + done, size + done, gap


@njit(cache=True)
def _is_gap(code: int) -> bool:
    # The frequent ones.
    return (code == _SPACE) | (code == _LINE_FEED) | (code == _UNDERSCORE)


@njit(cache=True)
def _append_plain(
    codes: Codes, start: int, end: int, gap: bool, tables: Tables, out: np.ndarray, size: int
) -> tuple[int, int, bool]:
    """The same, of whichever codes there are."""
    if len(codes.utf8):
        place = start
        while True:
            place, size, gap = _append_blocks(codes.utf8, place, end, gap, out, size)
            stop = min(end, place + _BLOCK)
            place, size, gap = _append_run(codes.utf8, place, stop, gap, tables.forms, out, size)
            if place < stop or stop == end:
                return place, size, gap
    if len(codes.narrow):
        return _append_run(codes.narrow, start, end, gap, tables.forms, out, size)
    return _append_run(codes.wide, start, end, gap, tables.forms, out, size)


@njit(cache=True)
def _second(
    codes: Codes,
    start: int,
    end: int,
    before: int,
    gap: bool,
    reach: int,
    tables: Tables,
    out: np.ndarray,
    size: int,
) -> tuple[int, int]:
    """Append the second reading from a joint on, until it is the first one for more than `reach` bytes.

    Returns where in the text it stops, or `NO_ROOM`, and the size of `out`.
    """
    place = start
    enough = size
    while place < end:
        limit = place + max(0, min(end - place, enough - size))
        if size + limit - place + ROOM > len(out):
            return NO_ROOM, size
        if limit > place:
            plain, size, gap = _append_plain(codes, place, limit, gap, tables, out, size)
            if plain > place:
                before = _code(codes, plain - 1)
                place = plain
                continue
        behind, nothing = _joint(codes, place, end, tables)
        if behind > place:
            if not nothing:
                size, gap = _append(_SPACE, before, gap, tables, out, size)
                before = _SPACE
            place = behind
            enough = size + reach + 1
        elif size < enough:
            size, gap = _append(_code(codes, place), before, gap, tables, out, size)
            before = _code(codes, place)
            place += 1
        else:
            out[size] = _CUT
            return place, size + 1
    return place, size


@njit(cache=True)
def _is_plain(text: np.ndarray) -> bool:
    odd = False
    for byte in text:
        odd |= (byte > _DELETE) | (byte == _AMPERSAND)
    return not odd


@njit(cache=True)
def fold_texts(
    codes: Codes,
    starts: np.ndarray,
    reach: int,
    tables: Tables,
    first: np.ndarray,
    second: np.ndarray,
    ends: np.ndarray,
    owners: np.ndarray,
    others: np.ndarray,
) -> tuple[int, int, int, int]:
    """Fold texts that stand one after another; `first` and `second` get their readings, each followed by a NUL.

    Args:
        codes: The texts.
        starts: Where each text starts, and where the last one ends, int64 (texts + 1,).
        reach: Bytes of the longest term.
        tables: What is known of characters.
        first: uint8.
        second: uint8.
        ends: Gets the places of NULs in `first` and, in a second row, in `second`, int64 (2, texts).
        owners: Gets the numbers of the texts of these readings, int64 (2, texts).
        others: Gets the numbers of texts of which nothing is made, int64 (texts,).

    Returns:
        The size of `first`, or why there is none; the size of `second`; how many second readings there are, and how
        many texts of which nothing is made.
    """
    size = 0
    second_size = 0
    firsts = 0
    seconds = 0
    for text in range(len(starts) - 1):
        start, end = starts[text], starts[text + 1]
        if len(codes.utf8) and not _is_plain(codes.utf8[start:end]):
            others[text - firsts] = text
            continue
        begin = size
        gap = False
        done = start  # up to here there is a second reading
        place = start
        while True:
            if size + ROOM + starts[-1] - place + len(starts) > len(first):
                return NO_ROOM, 0, 0, 0
            place, size, gap = _append_plain(codes, place, end, gap, tables, first, size)
            if place == end:
                break
            code = _code(codes, place)
            form = tables.forms[code]
            if form == UNKNOWN:
                return CHARACTER_UNKNOWN, 0, 0, 0
            before = _code(codes, place - 1) if place > start else 0
            if form <= ZERO_WIDTH and place >= done and _joint(codes, place, end, tables)[0] > place:
                tail = min(size - begin, reach + 1)
                if second_size + ROOM + tail > len(second):
                    return NO_ROOM, 0, 0, 0
                if tail < size - begin:
                    second[second_size] = _CUT
                    second_size += 1
                for copied in range(tail):
                    second[second_size + copied] = first[size - tail + copied]
                done, second_size = _second(codes, place, end, before, gap, reach, tables, second, second_size + tail)
                if done == NO_ROOM:
                    return NO_ROOM, 0, 0, 0
            size, gap = _append(code, before, gap, tables, first, size)
            place += 1
        first[size] = 0
        ends[0, firsts] = size
        owners[0, firsts] = text
        firsts += 1
        size += 1
        if done > start:
            second[second_size] = 0
            ends[1, seconds] = second_size
            owners[1, seconds] = text
            second_size += 1
            seconds += 1
    return size, second_size, seconds, len(starts) - 1 - firsts
