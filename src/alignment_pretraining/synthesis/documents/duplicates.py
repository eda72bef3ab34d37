"""Near-duplicates by MinHash."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH

from alignment_pretraining.core.hashed_ngrams import ngram_hashes, word_hashes

Signature = npt.NDArray[np.uint32]

# Word triples as shingles; 64 permutations estimate a Jaccard similarity within about 0.1.
_SHINGLE_WORDS = 3
_PERMUTATIONS = 64
_FACTORS, _SUMMANDS = MinHash(num_perm=_PERMUTATIONS).permutations
_LARGEST = 2**32 - 1


class Seen:
    """Texts seen so far. `near_duplicate` is the estimated Jaccard similarity from which a text counts as a copy."""

    def __init__(self, near_duplicate: float) -> None:
        self._limit = near_duplicate
        self._bands, self._rows = _bands(near_duplicate)
        self._candidates: defaultdict[tuple[int, bytes], list[Signature]] = defaultdict(list)  # by band and its hashes

    def is_copy(self, text: str) -> bool:
        """Whether `text` nearly repeats one that was seen; if not, it counts as seen."""
        signature = signature_of(text)
        bands = signature[: self._bands * self._rows].reshape(self._bands, self._rows)
        keys = [(number, band.tobytes()) for number, band in enumerate(bands)]
        like = (other for key in keys for other in self._candidates.get(key, ()))
        if any(np.count_nonzero(signature == other) / _PERMUTATIONS >= self._limit for other in like):
            return True
        for key in keys:
            self._candidates[key].append(signature)
        return False


def signature_of(text: str) -> Signature:
    """The smallest hash of the text's shingles under each permutation: what datasketch's `MinHash` has, without its
    way over Python's integers."""
    # As many bits as are permuted: the upper ones, which depend on every word.
    shingles = (ngram_hashes(word_hashes(text), _SHINGLE_WORDS) >> np.uint64(32)).astype(np.uint32)
    permuted = _mix(shingles)[:, None] * _FACTORS
    permuted += _SUMMANDS
    signature: Signature = permuted.min(axis=0, initial=_LARGEST)
    return signature


def _mix(hashes: Signature) -> Signature:
    """The last step of MurmurHash3, as datasketch takes it before it permutes."""
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


@cache
def _bands(near_duplicate: float) -> tuple[int, int]:
    """Bands of the index and hashes in each. It finds candidates, and bands are too few beyond 0.9; the estimate
    decides."""
    index = MinHashLSH(threshold=min(near_duplicate, 0.9), num_perm=_PERMUTATIONS)
    return index.b, index.r
