"""Which documents repeat an id of an earlier one, in bounded memory."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from alignment_pretraining.mixing.corpus.parts import Part

# Ids that are compared at a time, eight bytes each, and ids that are hashed or looked at at a time.
_AT_ONCE, _SOME = 25_000_000, 1 << 18


def repeated_rows(parts: Sequence[Part], at_once: int = _AT_ONCE, folder: Path | None = None) -> dict[int, np.ndarray]:
    """By number of the part, the rows whose id stands in an earlier row of this or an earlier part.

    Ids are compared by 64-bit hashes, kept in a file without a name in `folder` meanwhile: among a billion, two
    differing ids meet with a chance of 3 %, and then the later document is kept out.
    """
    firsts = np.cumsum([0, *(part.rows for part in parts)])
    passes = -(-int(firsts[-1]) // at_once)
    with tempfile.TemporaryFile(dir=folder) as file:
        for part in parts:
            _hash_ids(part.path, file)
        twice = np.concatenate([np.empty(0, np.uint64), *(_twice(file, number, passes) for number in range(passes))])
        rows = _later_rows(file, np.sort(twice))
    owners = np.searchsorted(firsts, rows, side="right") - 1
    return {int(part): rows[owners == part] - firsts[part] for part in np.unique(owners)}


def _hash_ids(part: Path, file: BinaryIO) -> None:
    with pq.ParquetFile(part) as parquet:
        for batch in parquet.iter_batches(_SOME, columns=["id"], use_threads=False):
            ids = batch.column("id").to_numpy(zero_copy_only=False)
            file.write(pd.util.hash_array(ids, categorize=False).tobytes())


def _hashes(file: BinaryIO) -> Iterator[np.ndarray]:
    file.seek(0)
    while data := file.read(8 * _SOME):
        yield np.frombuffer(data, np.uint64)


def _twice(file: BinaryIO, number: int, passes: int) -> np.ndarray:
    """The hashes that occur more than once, among those that leave `number` when divided by `passes`."""
    chosen = np.concatenate([some[some % np.uint64(passes) == number] for some in _hashes(file)])
    chosen.sort()
    return np.unique(chosen[1:][chosen[1:] == chosen[:-1]])


def _later_rows(file: BinaryIO, twice: np.ndarray) -> np.ndarray:
    """The rows, counted through all parts, whose hash is in `twice` (sorted) and stood in an earlier row."""
    met = np.zeros(len(twice), dtype=bool)
    found = [np.empty(0, np.int64)]
    first = 0
    for some in _hashes(file) if len(twice) else ():
        places = np.minimum(np.searchsorted(twice, some), len(twice) - 1)
        rows = np.flatnonzero(twice[places] == some)
        owners = places[rows]
        again = met[owners]
        again[np.setdiff1d(np.arange(len(owners)), np.unique(owners, return_index=True)[1])] = True
        met[owners] = True
        found.append(rows[again] + first)
        first += len(some)
    return np.concatenate(found)
