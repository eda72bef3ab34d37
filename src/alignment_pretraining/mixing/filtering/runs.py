"""Which texts may hold a run of words of an index: hashes of all runs of all texts at once, in numpy.

A word is what `core.ngrams.words` calls one. A run's hash is a polynomial modulo 2^64 in those of its words, so
it follows from sums over what stands before its ends (Karp and Rabin, 1987); an odd base has an inverse.
"""

from collections.abc import Iterator, Sequence

import numpy as np

_BASE, _MIX = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_CHUNK = 1 << 21
_TABLE_BITS = 24
# Letters to lower case, and whatever parts words to zero.
_WORD_BYTES = bytes(n if chr(n) in "abcdefghijklmnopqrstuvwxyz0123456789'" else 0 for n in range(256))
_FOLD = bytes(_WORD_BYTES[n + 32] if chr(n) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" else _WORD_BYTES[n] for n in range(256))
# The first n bytes of eight, little endian.
_FIRST = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)


class RunIndex:
    """The runs of `length` words of some texts, to be found in others. A run may have several owners."""

    def __init__(self, texts: Sequence[str], length: int) -> None:
        self._length = length
        found = [(hashes, first + owners) for first, hashes, owners in self._chunks(texts)]
        hashes, owners = (np.concatenate(columns) for columns in zip(_NO_RUNS, *found, strict=True))
        order = np.lexsort((owners, hashes))
        # The owners of run number n are those from `_firsts[n]` up to `_firsts[n + 1]`.
        self._owners = owners[order]
        self._hashes, firsts = np.unique(hashes[order], return_index=True)
        self._firsts = np.append(firsts, len(owners))
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[_slots(self._hashes)] = True

    def find(self, texts: Sequence[str]) -> dict[int, set[int]]:
        """By number of the text, in order, the numbers of the index's texts that it shares a run with.

        It may rarely name one that it does not share a run with.
        """
        found: dict[int, set[int]] = {}
        for first, hashes, owners in self._chunks(texts):
            near = np.flatnonzero(self._table[_slots(hashes)])
            places = np.searchsorted(self._hashes, hashes[near])
            same = self._hashes[np.minimum(places, len(self._hashes) - 1)] == hashes[near] if len(near) else []
            for text, run in zip((first + owners[near][same]).tolist(), places[same].tolist(), strict=True):
                found.setdefault(text, set()).update(self._owners[self._firsts[run] : self._firsts[run + 1]].tolist())
        return found

    def _chunks(self, texts: Sequence[str]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Of some texts at a time: the number of the first, hash of each run, and its text counted from the first."""
        first, size, group = 0, 0, []
        for number, text in enumerate(texts):
            # Letters beyond ASCII part words, as they do in `words`; a few become ASCII in lower case.
            group.append((text if text.isascii() else text.lower()).encode("ascii", "replace").translate(_FOLD))
            size += len(group[-1])
            if size >= _CHUNK or number == len(texts) - 1:
                yield first, *_runs(group, self._length)
                first, size, group = number + 1, 0, []


def _runs(texts: list[bytes], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash and text of every run of `length` words that lies in one text: uint64 (runs,), int64 (runs,)."""
    data = np.frombuffer(b"\0".join([b"", *texts, bytes(8)]), dtype=np.uint8)
    edges = np.flatnonzero(np.diff(data != 0)) + 1
    starts, stops = edges[::2], edges[1::2]
    if len(starts) < length:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    words = _word_hashes(data, starts, stops)
    sums = np.zeros(len(words) + 1, dtype=np.uint64)
    np.cumsum(words * _powers(_BASE, len(words)), out=sums[1:])
    hashes = (sums[length:] - sums[:-length]) * _powers(pow(_BASE, -1, 1 << 64), len(words))[: len(words) - length + 1]
    before = np.searchsorted(starts, np.cumsum([len(text) + 1 for text in texts]))
    owners = np.repeat(np.arange(len(texts)), np.diff(before, prepend=0))
    owners, last = owners[: len(hashes)], owners[length - 1 :]
    return hashes[owners == last], owners[owners == last]


def _word_hashes(data: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """A hash of the first and last eight letters of each word, and of its length."""
    eight = np.lib.stride_tricks.sliding_window_view(data, 8)
    sizes = stops - starts
    heads = np.ascontiguousarray(eight[starts]).view("<u8")[:, 0] & _FIRST[np.minimum(sizes, 8)]
    tails = np.ascontiguousarray(eight[np.maximum(stops - 8, starts)]).view("<u8")[:, 0]
    mixed = (heads ^ (heads >> np.uint64(29))) * np.uint64(_MIX) + sizes.astype(np.uint64)
    mixed += np.where(sizes > 8, tails, np.uint64(0)) * np.uint64(_BASE)
    hashes: np.ndarray = mixed ^ (mixed >> np.uint64(32))
    return hashes


def _powers(base: int, count: int) -> np.ndarray:
    """1, base, base^2, … modulo 2^64."""
    kept = _POWERS.get(base)
    if kept is None or len(kept) < count:
        kept = np.full(count, base, dtype=np.uint64)
        kept[0] = 1
        kept = _POWERS[base] = np.cumprod(kept)
    return kept[:count]


def _slots(hashes: np.ndarray) -> np.ndarray:
    return hashes >> np.uint64(64 - _TABLE_BITS)


_POWERS: dict[int, np.ndarray] = {}
_NO_RUNS = (np.empty(0, np.uint64), np.empty(0, np.int64))
