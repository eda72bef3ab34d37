"""Token shards in the format of datatrove and nanotron.

`tokens.ds` holds the token ids, little endian, two bytes each when the vocabulary fits and four otherwise;
`tokens.ds.index` the end of every document as uint64; `tokens.ds.metadata` the tokenizer, the width and the count.
(datatrove 0.10, `pipeline/tokens/tokenizer.py`, class TokenizedFile.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.errors import UserError
from alignment_pretraining.tokens.files import whole_file

NAME = "tokens.ds"


@dataclass(frozen=True)
class Shard:
    """Token ids of shape (tokens,), read from disk as they are needed, and the end of each document (documents,)."""

    tokens: np.ndarray
    ends: np.ndarray
    tokenizer: str

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each document, int64, its end-of-text token included."""
        return np.diff(self.ends, prepend=0)


def token_dtype(vocab_size: int) -> np.dtype:
    """The narrowest of the two formats that holds every id."""
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")


def write_shard(folder: Path, documents: Iterable[np.ndarray], dtype: np.dtype, tokenizer: str) -> None:
    """Write one document after the other into `folder`/tokens.ds, with index and metadata."""
    write_batches(folder, ((tokens, np.array([len(tokens)])) for tokens in documents), dtype, tokenizer)


def write_batches(
    folder: Path, batches: Iterable[tuple[np.ndarray, np.ndarray]], dtype: np.dtype, tokenizer: str
) -> None:
    """`write_shard` of many documents at once: the tokens of all, and how many each has."""
    lengths: list[np.ndarray] = []
    with whole_file(folder / NAME) as stream:
        for tokens, counts in batches:
            stream.write(tokens.astype(dtype, copy=False).tobytes())
            lengths.append(counts)
    ends = np.cumsum(np.concatenate(lengths)) if lengths else np.zeros(0)
    count = int(ends[-1]) if len(ends) else 0
    with whole_file(folder / f"{NAME}.index") as stream:
        stream.write(ends.astype("<u8").tobytes())
    with whole_file(folder / f"{NAME}.metadata") as stream:
        stream.write(f"{tokenizer}|{dtype.itemsize}\n{count}\n{count / 1e6:.3f} MT".encode())


def read_shard(folder: Path) -> Shard:
    """The shard in `folder`.

    Raises:
        UserError: a file is missing, or the shard is truncated; names the file.
    """
    path = folder / NAME
    try:
        described, count = (folder / f"{NAME}.metadata").read_text().splitlines()[:2]
        ends = np.fromfile(folder / f"{NAME}.index", dtype="<u8").astype(np.int64)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: index or metadata cannot be read ({error}); {_AGAIN}") from error
    tokenizer, _, width = described.rpartition("|")
    expected = int(count) * int(width)
    if size != expected or (ends[-1] if len(ends) else 0) != int(count):
        raise UserError(f"{path}: truncated, {size:,} bytes where its metadata says {expected:,}; {_AGAIN}")
    tokens = np.memmap(path, dtype=f"<u{width}", mode="r") if size else np.empty(0, dtype=f"<u{width}")
    return Shard(tokens, ends, tokenizer)


def write_ids(folder: Path, ids: list[str]) -> None:
    """Write the document ids of a shard, in its order, as `folder`/ids.parquet."""
    with whole_file(folder / "ids.parquet") as stream:
        pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), stream)


def read_ids(folder: Path) -> np.ndarray:
    """The document ids of a shard, in its order, shape (documents,), dtype object."""
    return pq.read_table(folder / "ids.parquet")["id"].to_numpy()


_AGAIN = "delete the folder and run the mixing pipeline again"
