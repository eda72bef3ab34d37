"""Copies are found by the signatures that datasketch has."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from datasketch import MinHash

from alignment_pretraining.core.hashed_ngrams import ngram_hashes, word_hashes
from alignment_pretraining.synthesis.documents.duplicates import Seen, signature_of

WORDS = [f"word{number}" for number in range(1000)]


def _text(seed: int, changed: float = 0.0) -> str:
    """300 words drawn by `seed`, a share of which is `changed`."""
    said = Random(seed).choices(WORDS, k=300)
    rng = Random(-seed)
    for _ in range(round(changed * len(said))):
        said[rng.randrange(len(said))] = "other"
    return " ".join(said)


@pytest.mark.parametrize("text", ["", "one", "one two three four", _text(1)])
def test_a_signature_is_the_one_of_datasketch(text: str) -> None:
    minhash = MinHash(num_perm=64, hashfunc=int)
    minhash.update_batch((ngram_hashes(word_hashes(text), 3) >> np.uint64(32)).tolist())
    assert signature_of(text).tolist() == minhash.hashvalues.tolist()


@pytest.mark.parametrize("near_duplicate", [0.3, 0.8, 1.0])
def test_a_text_is_a_copy_of_one_that_is_like_enough(near_duplicate: float) -> None:
    seen = Seen(near_duplicate)
    assert not any(seen.is_copy(_text(seed)) for seed in range(1, 40))
    assert all(seen.is_copy(_text(seed)) for seed in range(1, 40))
    slightly = sum(seen.is_copy(_text(seed, changed=0.01)) for seed in range(1, 40))
    assert slightly < 10 if near_duplicate == 1.0 else slightly > 30
    assert not any(seen.is_copy(_text(seed, changed=0.9)) for seed in range(1, 40))
