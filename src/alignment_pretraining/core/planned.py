"""Token streams that are not written out: which tokens of which document stand where, read from the sources' shards.

A folder with such a stream has `<number>.pieces` (records of PIECE), `sources/<name>` with the shards of every source,
and `layers.json`, which says of which source each layer is.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file, write_text
from alignment_pretraining.core.shards import Shards, describe

SUFFIX = ".pieces"
SOURCES = "sources"
_LAYERS = "layers.json"

# start, length: where in the stream; source: number of the layer; slot: number of the document in its layer;
# document: its row in its shard; skip: tokens left out at its head; closed: cut short, so it ends in end-of-text.
PIECE = np.dtype(
    [
        ("start", "i8"),
        ("length", "i8"),
        ("source", "i2"),
        ("slot", "i8"),
        ("document", "i8"),
        ("skip", "i8"),
        ("closed", "?"),
    ]
)


class Layers:
    """The documents of each layer of a stream, and the end-of-text token that a document which is cut ends in."""

    def __init__(self, shards: Mapping[int, Shards], eos: int, dtype: np.dtype) -> None:
        self._shards, self._eos, self._dtype = shards, eos, dtype

    @classmethod
    def open(cls, folder: Path) -> "Layers":
        """Those of a stream that is not written out.

        Raises:
            UserError: its files are missing or damaged.
        """
        try:
            told = json.loads((folder / _LAYERS).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / _LAYERS}: not readable; run the mixing pipeline again") from error
        names = {int(number): name for number, name in told["layers"].items()}
        shards = {name: Shards(folder / SOURCES / name) for name in set(names.values())}
        return cls({number: shards[name] for number, name in names.items()}, told["eos"], np.dtype(told["dtype"]))

    def read(self, pieces: np.ndarray) -> np.ndarray:
        """The token ids of pieces that follow each other, of the dtype of the shards.

        They are read in the order in which they lie on disk, so that a file is opened once for all that is read of it.
        """
        ids = np.empty(int(pieces["length"].sum()), dtype=self._dtype)
        first = int(pieces["start"][0])
        names = ("source", "document", "start", "length", "skip", "closed")
        columns = zip(*(pieces[name].tolist() for name in names), strict=True)
        for source, document, start, length, skip, closed in sorted(columns):
            stop = start + length - first
            ids[start - first : stop] = self._shards[source].document(document, skip, length)
            if closed:
                ids[stop - 1] = self._eos
        return ids


class PlannedTokens:
    """One shard of a stream that is not written out; slices of it are token ids."""

    def __init__(self, pieces: np.ndarray, layers: Layers) -> None:
        self._pieces, self._layers = pieces, layers
        self._first = int(pieces["start"][0])

    def __getitem__(self, tokens: slice) -> np.ndarray:
        """The tokens from `tokens.start` to `tokens.stop` of the shard, not beyond its end."""
        first, last = (self._first + place for place in (tokens.start, tokens.stop))
        begins = self._pieces["start"]
        found = self._pieces[np.searchsorted(begins, first, side="right") - 1 : np.searchsorted(begins, last)].copy()
        stops = found["start"] + found["length"]
        cut = first - found["start"][0]
        for name, change in (("start", cut), ("skip", cut), ("length", -cut)):
            found[name][0] += change
        beyond = max(int(stops[-1]) - last, 0)
        found["length"][-1] -= beyond
        found["closed"][-1] &= not beyond
        return self._layers.read(found)


def write_pieces(path: Path, pieces: np.ndarray, dtype: np.dtype, tokenizer: str) -> dict[str, Any]:
    """Write the shard `path` of a stream that is not written out, and tell its documents, tokens and hash (SHA-256)."""
    data = pieces.tobytes()
    with atomic_file(path) as stream:
        stream.write(data)
    count = int(pieces["length"].sum())
    describe(path, tokenizer, dtype, count)
    return {"documents": len(pieces), "tokens": count, "hash": hashlib.sha256(data).hexdigest()}


def write_layers(folder: Path, names: Mapping[int, str], eos: int, dtype: np.dtype) -> None:
    """Say of which source each layer is, whose shards are in `sources/<name>`."""
    told = {"layers": {str(number): name for number, name in names.items()}, "eos": eos, "dtype": dtype.str}
    write_text(folder / _LAYERS, json.dumps(told, indent=1, sort_keys=True) + "\n")


def tokens_of(path: Path) -> int:
    """How many tokens the pieces of the shard `path` have, by the first and the last of them; 0 when it is damaged."""
    if not path.stat().st_size or path.stat().st_size % PIECE.itemsize:
        return 0
    pieces = map_pieces(path)
    return int(pieces["start"][-1] + pieces["length"][-1] - pieces["start"][0])


def map_pieces(path: Path) -> np.ndarray:
    """The pieces of the shard `path`, mapped from disk."""
    return np.memmap(path, dtype=PIECE, mode="r")
