"""Word n-grams as 64-bit hashes, where every word of many long texts is looked at.

Equal n-grams have equal hashes; different ones all but never do, so a hit that decides something is worth a look at the
words themselves.
"""

from __future__ import annotations

import string
import zlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

# Every byte that is in no word, as a space.
_SPACES = bytes(byte if chr(byte) in f"{string.ascii_lowercase}{string.digits}'" else ord(" ") for byte in range(256))
# Multiplicative hashing by the golden ratio (Knuth, The Art of Computer Programming, 6.4).
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@lru_cache(256)  # a text is looked at for several reasons, soon after one another
def word_hashes(text: str) -> Hashes:
    """One hash for each of `ngrams.words`, in order; not to be written to."""
    found = text.lower().encode("utf-8", "surrogatepass").translate(_SPACES).split()
    hashes = np.fromiter(map(zlib.crc32, found), np.uint64, len(found))
    hashes.flags.writeable = False
    return hashes


def ngram_hashes(words: Hashes, n: int) -> Hashes:
    """One hash for each run of `n` words, in order and with repeats; a shorter text is one run, as in `ngrams`."""
    n = min(n, len(words))
    runs = np.zeros(len(words) - n + 1 if n else 0, np.uint64)
    for place in range(n):
        runs += words[place : place + len(runs)]
        runs *= _FACTOR
    return runs
