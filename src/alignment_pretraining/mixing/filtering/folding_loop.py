"""The loop over the UTF-8 of texts that folds them, compiled by numba.

It makes both readings of `normalize` in one pass. Of the second one there is only what lies near places where the two
differ, its joints: a tag, a hyphen at the end of a line, a zero-width space. A term of up to `reach` bytes that only
the second reading has lies across a joint, or ends at one.
"""

from typing import Any, NamedTuple, TypeAlias

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
_HYPHEN, _AMPERSAND, _NUMBER_SIGN, _SEMICOLON, _DELETE = ord("-"), ord("&"), ord("#"), ord(";"), 0x7F
_CAPITAL_A, _CAPITAL_Z, _SMALL_A, _SMALL_Z, _0, _9 = (ord(letter) for letter in "AZaz09")
_LAST_CHARACTER = np.uintp(0x10FFFF)
_1, _2, _3, _6 = (np.uintp(number) for number in (1, 2, 3, 6))
_BLOCK = np.uintp(16)  # bytes
_ATTRIBUTES = 300  # characters of a tag after its name, at most
_NAME = 8  # characters of an inline tag's name, at most


# Of the compiler: to it, signed and unsigned ones differ, and their sum is a float. No type of Python's says so.
Int: TypeAlias = Any


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


def inline_name(name: str) -> int:
    """A tag's name as a number."""
    return int.from_bytes(name.encode())


@njit(cache=True)
def _character(data: np.ndarray, place: Int, end: Int) -> tuple[Int, Int]:
    """The code point at a place, and its bytes; of UTF-8 that is cut off at `end`, a NUL for each byte."""
    start, byte = np.uintp(place), np.uintp(data[place])
    if byte <= _DELETE:
        return byte, _1
    size = _2 + np.uintp(byte >= 0xE0) + np.uintp(byte >= 0xF0)
    if start + size > np.uintp(end):
        return np.uintp(0), _1
    code = byte << _6 | np.uintp(data[start + _1] & 0x3F)
    if size == _2:
        return code & np.uintp(0x7FF), size
    code = code << _6 | np.uintp(data[start + _2] & 0x3F)
    if size == _3:
        return code & np.uintp(0xFFFF), size
    code = code << _6 | np.uintp(data[start + _3] & 0x3F)
    return min(code & np.uintp(0x1FFFFF), _LAST_CHARACTER), size


@njit(cache=True)
def _tag(data: np.ndarray, start: Int, end: Int, tables: Tables) -> tuple[Int, bool]:
    """Where the tag ends that begins at `start`, or `start` if none does; and whether it is inline."""
    place = start + 1
    place += place < end and data[place] == _SLASH
    name = 0
    length = 0
    while place < end:
        code = int(data[place])
        small = code | _SMALL
        if not (_SMALL_A <= small <= _SMALL_Z or (code == _EXCLAMATION if length == 0 else _is_digit_or_line(code))):
            break
        name = name << 8 | small
        length += 1
        place += 1
    if length == 0:
        return start, False
    characters = 0
    while place < end and data[place] != _LESS_THAN:
        if data[place] == _GREATER_THAN:
            return place + 1, length <= _NAME and bool((tables.inline == name).any())
        characters += (data[place] & 0xC0) != 0x80
        if characters > _ATTRIBUTES:
            break
        place += 1
    return start, False


@njit(cache=True)
def _is_digit_or_line(code: Int) -> bool:
    return bool(_0 <= code <= _9 or code == _UNDERSCORE)


@njit(cache=True)
def _after_inline(data: np.ndarray, place: Int, end: Int, tables: Tables) -> Int:
    while place < end and data[place] == _LESS_THAN:
        behind, inline = _tag(data, place, end, tables)
        if not inline:
            break
        place = behind
    return place


@njit(cache=True)
def _line_end(data: np.ndarray, start: Int, end: Int, tables: Tables) -> Int:
    """Where the word goes on that the hyphen at `start` parts at the end of a line, or `start` if it parts none."""
    place = _after_inline(data, start + 1, end, tables)
    if place < end and data[place] == _RETURN:
        place = _after_inline(data, place + 1, end, tables)
    if place == end or data[place] != _LINE_FEED:
        return start
    place += 1
    while place < end:
        if data[place] == _LESS_THAN:
            behind, _ = _tag(data, place, end, tables)
            if behind == place:
                break
            place = behind
        elif data[place] == _SPACE or data[place] == _TAB:
            place += 1
        else:
            return place if tables.letters[_character(data, place, end)[0]] else start
    return start


@njit(cache=True)
def _joint(data: np.ndarray, start: Int, end: Int, tables: Tables) -> tuple[Int, bool]:
    """Where the joint ends that begins at `start`, or `start` if none does; and whether it is nothing, or a space."""
    code, size = _character(data, start, end)
    form = tables.forms[code]
    if form == LESS_THAN:
        return _tag(data, start, end, tables)
    if form == HYPHEN:
        return _line_end(data, start, end, tables), True
    return start + size * (form == ZERO_WIDTH), True


@njit(cache=True)
def _append(code: Int, before: Int, gap: bool, tables: Tables, out: np.ndarray, size: Int) -> tuple[Int, bool]:
    """Append the form of a character, one space for a gap. `before` is the one before it, if that is ASCII.

    `gap` is whether `out`, of which there are `size` bytes, ends with a space. Returns what both are afterwards.
    """
    form: Int = tables.forms[code]
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
def _append_plain(
    data: np.ndarray, start: Int, stop: Int, end: Int, gap: bool, forms: np.ndarray, out: np.ndarray, begun: Int
) -> tuple[Int, Int, bool]:
    """Append the characters that begin before `stop`, up to one whose form is more than a byte of ASCII.

    Most characters go through here, so there is no branch for gaps, and numbers that have no sign: else the compiler
    would ask before each access whether an index counts from the end.

    Returns where that one is, the size, and whether `out` ends with a space.
    """
    place, last, size = np.uintp(start), np.uintp(stop), np.uintp(begun)
    while place < last:
        if last - place > _BLOCK and data[place] <= _DELETE:
            is_plain, ends_with_gap = _copy_block(data, place, gap, out, size)
            if is_plain:
                place += _BLOCK
                size += _BLOCK
                gap = ends_with_gap
                continue
        near = min(last, place + _BLOCK)
        while place < near:
            byte = data[place]
            if byte <= _DELETE:
                form, width = forms[byte], _1
                if form == HYPHEN and place + _1 < last and not _may_end_line(data[place + _1]):
                    form = np.uint8(_SPACE)
            else:
                code, width = _character(data, place, np.uintp(end))
                form = forms[code]
            if form > _DELETE:
                return np.intp(place), np.intp(size), gap
            out[size] = form
            is_gap = form == _SPACE
            size += _1 - np.uintp(is_gap & gap)
            gap = is_gap
            place += width
    return np.intp(place), np.intp(size), gap


@njit(cache=True)
def _copy_block(data: np.ndarray, start: Int, gap: bool, out: np.ndarray, size: Int) -> tuple[bool, bool]:
    """Copy a block, a space for each gap. The compiler has all bytes looked at together.

    Returns whether it is right so: all is ASCII that stays as it is or single gaps. And whether it ends with a gap.
    """
    is_gap = _is_gap(data[start])
    odd = is_gap & gap
    for number in range(_BLOCK):
        byte, is_gap = data[start + number], _is_gap(data[start + number])
        odd |= (byte < _SPACE) & ~is_gap | (byte == _HYPHEN) | (byte == _LESS_THAN) | (byte >= _DELETE)
        odd |= is_gap & _is_gap(data[start + number + _1])
        out[size + number] = np.uint8(_SPACE) if is_gap else byte
    return not odd, is_gap


@njit(cache=True)
def _is_gap(byte: Int) -> bool:
    # The frequent ones.
    return bool((byte == _SPACE) | (byte == _LINE_FEED) | (byte == _UNDERSCORE))


@njit(cache=True)
def _may_end_line(byte: Int) -> bool:
    """Whether, after a hyphen, it may be the end of a line, or a tag before that."""
    return bool((byte == _LINE_FEED) | (byte == _RETURN) | (byte == _LESS_THAN))


@njit(cache=True)
def _second(
    data: np.ndarray,
    start: Int,
    end: Int,
    before: Int,
    gap: bool,
    reach: Int,
    tables: Tables,
    out: np.ndarray,
    size: Int,
) -> tuple[Int, Int]:
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
            plain, size, gap = _append_plain(data, place, limit, end, gap, tables.forms, out, size)
            if plain > place:
                before = int(data[plain - 1])
                place = plain
                continue
        behind, nothing = _joint(data, place, end, tables)
        if behind > place:
            if not nothing:
                size, gap = _append(_SPACE, before, gap, tables, out, size)
                before = _SPACE
            place = behind
            enough = size + reach + 1
        elif size < enough:
            code, width = _character(data, place, end)
            size, gap = _append(code, before, gap, tables, out, size)
            before = code
            place += width
        else:
            out[size] = _CUT
            return place, size + 1
    return place, size


@njit(cache=True)
def _may_have_entity(text: np.ndarray) -> bool:
    """Whether there is a `&` before letters, digits or any characters beyond ASCII, and `;` behind these."""
    found = False
    for byte in text:
        found |= byte == _AMPERSAND
    if not found:
        return False
    for place in range(len(text)):
        if text[place] == _AMPERSAND:
            behind = place + 1
            while behind < len(text) and (_is_word(text[behind]) or text[behind] == _NUMBER_SIGN):
                behind += 1
            if behind < len(text) and text[behind] == _SEMICOLON and behind > place + 1:
                return True
    return False


@njit(cache=True)
def _is_word(byte: Int) -> bool:
    return _SMALL_A <= byte | _SMALL <= _SMALL_Z or _is_digit_or_line(byte) or byte > _DELETE


@njit(cache=True)
def fold_texts(
    data: np.ndarray,
    starts: np.ndarray,
    entities: bool,
    reach: Int,
    tables: Tables,
    first: np.ndarray,
    second: np.ndarray,
    ends: np.ndarray,
    owners: np.ndarray,
    others: np.ndarray,
) -> tuple[Int, Int, Int, Int]:
    """Fold texts that stand one after another; `first` and `second` get their readings, each followed by a NUL.

    Args:
        data: UTF-8, uint8.
        starts: Where each text starts, and where the last one ends, int64 (texts + 1,).
        entities: Whether `&` may begin an entity. Of texts in which it may nothing is made.
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
        if entities and _may_have_entity(data[start:end]):
            others[text - firsts] = text
            continue
        begin = size
        gap = False
        done = start  # up to here there is a second reading
        place = start
        while True:
            if size + ROOM + starts[-1] - place + len(starts) > len(first):
                return NO_ROOM, 0, 0, 0
            place, size, gap = _append_plain(data, place, end, end, gap, tables.forms, first, size)
            if place >= end:
                break
            code, width = _character(data, place, end)
            form = tables.forms[code]
            if form == UNKNOWN:
                return CHARACTER_UNKNOWN, 0, 0, 0
            before = int(data[place - 1]) if place > start else 0
            if form <= ZERO_WIDTH and place >= done and _joint(data, place, end, tables)[0] > place:
                tail = min(size - begin, reach + 1)
                if second_size + ROOM + tail > len(second):
                    return NO_ROOM, 0, 0, 0
                if tail < size - begin:
                    second[second_size] = _CUT
                    second_size += 1
                for copied in range(tail):
                    second[second_size + copied] = first[size - tail + copied]
                done, second_size = _second(data, place, end, before, gap, reach, tables, second, second_size + tail)
                if done == NO_ROOM:
                    return NO_ROOM, 0, 0, 0
            size, gap = _append(code, before, gap, tables, first, size)
            place += width
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
