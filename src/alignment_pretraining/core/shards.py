"""Token shards in the format of datatrove and nanotron.

`<name>.ds` holds the token ids, little endian, two bytes each when the vocabulary fits and four otherwise;
`<name>.ds.index` the end of every document as uint64; `<name>.ds.metadata` the tokenizer, the width and the count.
(datatrove 0.10, `pipeline/tokens/tokenizer.py`, class TokenizedFile.)
"""

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file

# A process may have 1,024 on most systems, and reads of several sources.
_OPEN_FILES = 32
IDS = ".ids"  # ends the names of files with ids of documents
# Bytes of a document's end in an index.
_END = 8


@dataclass(frozen=True)
class Shard:
    """Where its token ids lie, in which format, and the end of each document (documents,)."""

    path: Path
    dtype: np.dtype
    ends: np.ndarray
    tokenizer: str

    @property
    def tokens(self) -> np.ndarray:
        """Token ids (tokens,), mapped from disk: they take a descriptor as long as somebody holds them."""
        if not len(self.ends) or not self.ends[-1]:
            return np.empty(0, dtype=self.dtype)
        return np.memmap(self.path, dtype=self.dtype, mode="r")

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document, int64, its end-of-text token included."""
        return np.diff(self.ends, prepend=0)


@dataclass(frozen=True)
class ShardOutline:
    """What a shard holds, without its tokens and its index."""

    documents: int
    tokens: int
    width: int
    tokenizer: str


class Shards:
    """All shards of a folder, in the order of their names: documents are numbered through.

    Indexes stay on disk until `shards` or `lengths` is asked for.

    Raises:
        UserError: a file is missing, or a shard is truncated; names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*.ds"))
        self.outlines = [outline(path) for path in self.paths]
        self._firsts = [0, *accumulate(found.documents for found in self.outlines)]
        self._open: dict[tuple[int, str], BinaryIO] = {}

    def __len__(self) -> int:
        return self._firsts[-1]

    @cached_property
    def shards(self) -> list[Shard]:
        """Every shard with its index."""
        return [read_shard(path) for path in self.paths]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document, int64, its end-of-text token included."""
        return np.concatenate([np.empty(0, np.int64), *(shard.lengths for shard in self.shards)])

    @property
    def tokens(self) -> np.ndarray:
        """All tokens, read into memory."""
        return np.concatenate([np.array(shard.tokens) for shard in self.shards])

    def document(self, number: int, skip: int = 0, count: int | None = None) -> np.ndarray:
        """The tokens of a document, or `count` of them after the first `skip`.

        They are read and not mapped: mapped pages would count as memory of this process.
        """
        owner = bisect_right(self._firsts, number) - 1
        row, width = number - self._firsts[owner], self.outlines[owner].width
        ends = self._read(owner, ".index", max(row - 1, 0) * _END, (2 if row else 1) * _END)
        stop = int.from_bytes(ends[-_END:], "little")
        start = skip + (int.from_bytes(ends[:_END], "little") if row else 0)
        stop = stop if count is None else min(stop, start + count)
        return np.frombuffer(self._read(owner, "", start * width, (stop - start) * width), f"<u{width}")

    def ids(self, numbers: np.ndarray) -> np.ndarray:
        """The ids of documents, shape (numbers,), dtype object."""
        found = np.empty(len(numbers), dtype=object)
        owners = np.searchsorted(self._firsts, numbers, side="right") - 1
        for owner in np.unique(owners):
            mine = owners == owner
            found[mine] = _take(read_ids(self.paths[owner]), numbers[mine] - self._firsts[owner])
        return found

    def _read(self, owner: int, suffix: str, start: int, count: int) -> bytes:
        """Bytes of a shard, or of the file beside it that ends in `suffix`."""
        if (owner, suffix) not in self._open:
            if len(self._open) == _OPEN_FILES:
                self._open.pop(next(iter(self._open))).close()
            self._open[owner, suffix] = beside(self.paths[owner], suffix).open("rb", buffering=0)
        return os.pread(self._open[owner, suffix].fileno(), count, start)


def token_dtype(vocab_size: int) -> np.dtype:
    """The narrowest of the two formats that holds every id."""
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")


def write_shard(
    path: Path, batches: Iterable[tuple[np.ndarray, np.ndarray]], dtype: np.dtype, tokenizer: str
) -> dict[str, Any]:
    """Write the shard `path` with index and metadata, and tell its documents, tokens and hash (SHA-256).

    A batch is the tokens of some documents, one after the other, and how many each has.
    """
    lengths: list[np.ndarray] = []
    digest = hashlib.sha256()
    with atomic_file(path) as stream:
        for tokens, counts in batches:
            data = tokens.astype(dtype, copy=False).tobytes()
            stream.write(data)
            digest.update(data)
            lengths.append(counts)
    ends = np.cumsum(np.concatenate(lengths)) if lengths else np.zeros(0)
    count = int(ends[-1]) if len(ends) else 0
    with atomic_file(beside(path, ".index")) as stream:
        stream.write(ends.astype("<u8").tobytes())
    describe(path, tokenizer, dtype, count)
    return {"documents": len(ends), "tokens": count, "hash": digest.hexdigest()}


def describe(path: Path, tokenizer: str, dtype: np.dtype, tokens: int) -> None:
    """Write the metadata of the shard `path`."""
    with atomic_file(beside(path, ".metadata")) as stream:
        stream.write(f"{tokenizer}|{dtype.itemsize}\n{tokens}\n{tokens / 1e6:.3f} MT".encode())


def read_shard(path: Path) -> Shard:
    """The shard `path`.

    Raises:
        UserError: a file is missing, or the shard is truncated; names the file.
    """
    found = outline(path)
    ends = np.fromfile(beside(path, ".index"), dtype="<u8").astype(np.int64)
    return Shard(path, np.dtype(f"<u{found.width}"), ends, found.tokenizer)


def outline(path: Path) -> ShardOutline:
    """What the shard `path` holds, from its metadata and the sizes of its files.

    Raises:
        UserError: a file is missing, or the shard is truncated; names the file.
    """
    try:
        described, count = beside(path, ".metadata").read_text().splitlines()[:2]
        tokenizer, _, width = described.rpartition("|")
        expected = int(count) * int(width)
        with beside(path, ".index").open("rb") as index:
            documents, rest = divmod(index.seek(0, os.SEEK_END), _END)
            last = int.from_bytes(os.pread(index.fileno(), _END, (documents - 1) * _END), "little") if documents else 0
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: index or metadata cannot be read ({error}); {_AGAIN}") from error
    if size != expected or last != int(count) or rest:
        raise UserError(f"{path}: truncated, {size:,} bytes where its metadata says {expected:,}; {_AGAIN}")
    return ShardOutline(documents, int(count), int(width), tokenizer)


class IdWriter:
    """Writes the document ids of the shard `path`, in its order, as an Arrow file that can be mapped into memory."""

    def __init__(self, path: Path) -> None:
        schema = pa.schema([("id", pa.large_string())])
        self._file = pa.ipc.new_file(str(beside(path, IDS)), schema)

    def add(self, ids: Sequence[str]) -> None:
        """Add the ids of the next documents."""
        self._file.write_batch(pa.record_batch([pa.array(ids, pa.large_string())], ["id"]))

    def close(self) -> None:
        """End the file."""
        self._file.close()


def read_ids(path: Path) -> pa.ChunkedArray:
    """The document ids of the shard `path`, in its order, mapped from disk."""
    return pa.ipc.open_file(pa.memory_map(str(beside(path, IDS)))).read_all()["id"]


def _take(column: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray:
    """Rows of a mapped column, of which nothing else is read from disk."""
    firsts = np.cumsum([0, *(len(chunk) for chunk in column.chunks)])
    owners = np.searchsorted(firsts, rows, side="right") - 1
    found = np.empty(len(rows), dtype=object)
    for owner in np.unique(owners):
        mine = owners == owner
        found[mine] = column.chunk(owner).take(pa.array(rows[mine] - firsts[owner])).to_numpy(zero_copy_only=False)
    return found


def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to a shard."""
    return path.with_name(path.name + suffix)


_AGAIN = "delete the folder and run the mixing pipeline again"
