"""Near-duplicates by MinHash."""

from __future__ import annotations

from functools import cache

import numpy as np
from datasketch import MinHash, MinHashLSH

from alignment_pretraining.core.hashed_ngrams import ngram_hashes, word_hashes

# Word triples as shingles; 64 permutations estimate a Jaccard similarity within about 0.1.
_SHINGLE_WORDS = 3
_PERMUTATIONS = 64
_EMPTY = MinHash(num_perm=_PERMUTATIONS, hashfunc=int)


class Seen:
    """Texts seen so far. `near_duplicate` is the estimated Jaccard similarity from which a text counts as a copy."""

    def __init__(self, near_duplicate: float) -> None:
        self._limit = near_duplicate
        self._index = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(near_duplicate))
        self._hashes: dict[str, MinHash] = {}

    def is_copy(self, name: str, text: str) -> bool:
        """Whether `text` nearly repeats one that was seen; if not, it counts as seen under `name`."""
        minhash = _EMPTY.copy()
        minhash.update_batch(_shingles(text))
        if any(minhash.jaccard(self._hashes[other]) >= self._limit for other in self._index.query(minhash)):
            return True
        self._index.insert(name, minhash)
        self._hashes[name] = minhash
        return False


@cache
def _bands(near_duplicate: float) -> tuple[int, int]:
    """Bands of the index and hashes in each. It finds candidates, and bands are too few beyond 0.9; the estimate
    decides."""
    index = MinHashLSH(threshold=min(near_duplicate, 0.9), num_perm=_PERMUTATIONS)
    return index.b, index.r


def _shingles(text: str) -> list[int]:
    """32-bit hashes, as many bits as MinHash permutes: the upper ones, which depend on every word."""
    shingles: list[int] = (ngram_hashes(word_hashes(text), _SHINGLE_WORDS) >> np.uint64(32)).tolist()
    return shingles
