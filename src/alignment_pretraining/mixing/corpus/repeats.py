"""Which documents repeat an id of an earlier one, in bounded memory."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from alignment_pretraining.mixing.corpus.parts import Part

# Ids that are compared at a time: eight bytes each, and as much again to sort them.
_AT_ONCE = 50_000_000


def repeated_rows(parts: Sequence[Part], at_once: int = _AT_ONCE) -> dict[int, np.ndarray]:
    """By number of the part, the rows whose id stands in an earlier row of this or an earlier part.

    Ids are compared by 64-bit hashes: among a billion, two differing ids meet with a chance of 3 %, and then the later
    document is kept out.
    """
    passes = -(-sum(part.rows for part in parts) // at_once)
    firsts = np.cumsum([0, *(part.rows for part in parts)])
    found = [_repeats(parts, firsts, number, passes) for number in range(passes)]
    rows = np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)
    owners = np.searchsorted(firsts, rows, side="right") - 1
    return {int(part): rows[owners == part] - firsts[part] for part in np.unique(owners)}


def _repeats(parts: Sequence[Part], firsts: np.ndarray, number: int, passes: int) -> np.ndarray:
    """Rows, counted through all parts, that repeat an id, among the ids whose hash leaves `number` in this pass."""
    hashes, rows = [], []
    for part, first in zip(parts, firsts, strict=False):
        ids = pq.read_table(part.path, columns=["id"], use_threads=False)["id"].to_numpy()
        own = pd.util.hash_array(ids, categorize=False)
        chosen = np.flatnonzero(own % np.uint64(passes) == number)
        hashes.append(own[chosen])
        rows.append(chosen + first)
    everything, places = np.concatenate(hashes), np.concatenate(rows)
    _, kept = np.unique(everything, return_index=True)
    repeats = np.ones(len(everything), dtype=bool)
    repeats[kept] = False
    return places[repeats]
