"""Reading token streams: `tokens.ds` (flat, little-endian) with datatrove's `.metadata` beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError

DOCUMENTS = ".documents.parquet"
_WIDTHS = {2: "<u2", 4: "<u4"}


@dataclass(frozen=True)
class TokenStream:
    """One folder of `.ds` shards, memory-mapped, read as one stream of token ids."""

    folder: Path
    shards: tuple[Any, ...]

    @classmethod
    def open(cls, folder: Path) -> "TokenStream":
        """Map every shard of `folder`, in the order of their names.

        Raises:
            UserError: no shard, unreadable metadata, or a shard shorter or longer than its metadata says.
        """
        paths = sorted(folder.glob("*.ds"))
        if not paths:
            raise UserError(f"{folder}: no .ds token shard here; run the mixing pipeline again")
        return cls(folder, tuple(_map(path) for path in paths))

    def __len__(self) -> int:
        return sum(len(shard) for shard in self.shards)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Tokens `start` to `stop` of the stream as int64, shape (stop - start,)."""
        parts, offset = [], 0
        for shard in self.shards:
            parts.append(shard[max(start - offset, 0) : max(stop - offset, 0)])
            offset += len(shard)
        return np.concatenate(parts).astype(np.int64)

    def sequences(self, start: int, count: int, context: int) -> np.ndarray:
        """`count` windows from token `start` on, each with the token that follows it: int64 (count, context + 1)."""
        tokens = self.read(start, start + count * context + 1)
        return np.lib.stride_tricks.sliding_window_view(tokens, context + 1)[::context].copy()

    def batches(self, first: int, steps: int, batch_tokens: int, context: int) -> Iterator[np.ndarray]:
        """The batches of steps `first` to `steps`, in stream order: each int64 (batch_tokens / context, context + 1).

        Raises:
            UserError: the stream is too short for `steps` batches.
        """
        if len(self) < steps * batch_tokens + 1:
            raise UserError(
                f"{self.folder}: {len(self):,} tokens, but {steps} steps of {batch_tokens:,} need "
                f"{steps * batch_tokens + 1:,}; lower the stage's `tokens` or mix again"
            )
        for step in range(first, steps):
            yield self.sequences(step * batch_tokens, batch_tokens // context, context)


def read_documents(folder: Path) -> Iterator[pd.DataFrame]:
    """Where the documents of a mix stand, one table a shard: start, end (in the stream), source, id, skip."""
    for path in sorted(folder.glob(f"*{DOCUMENTS}")):
        yield pd.read_parquet(path)


def _map(path: Path) -> Any:
    metadata = path.with_name(f"{path.name}.metadata")
    try:
        name, count = metadata.read_text().splitlines()[:2]
        width, tokens = int(name.rpartition("|")[2]), int(count)
        dtype = _WIDTHS[width]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{metadata}: not readable as shard metadata; run the mixing pipeline again") from error
    size = path.stat().st_size
    if size != tokens * width or tokens == 0:
        raise UserError(
            f"{path}: {size:,} bytes, but {tokens:,} tokens of {width} bytes are expected; the shard is damaged, "
            "run the mixing pipeline again"
        )
    return np.memmap(path, dtype=dtype, mode="r")
