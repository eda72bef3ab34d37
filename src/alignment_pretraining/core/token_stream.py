"""Reading token streams: `.ds` (flat, little-endian) with datatrove's metadata beside it, or `.pieces` (`planned`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.planned import SUFFIX, Layers, PlannedTokens, map_pieces, tokens_of

DOCUMENTS = ".documents.parquet"
_WIDTHS = {2: "<u2", 4: "<u4"}
_MAPPED = 16  # shards mapped at a time; a stream of 500B tokens has 1,863


@dataclass(frozen=True)
class StreamShard:
    """One shard: its tokens and their format, as its metadata says and its size confirms."""

    path: Path
    tokens: int
    dtype: str


class TokenStream:
    """One folder of shards, read as one stream of token ids. Few are mapped at a time: each has a descriptor."""

    def __init__(self, folder: Path, shards: Sequence["StreamShard"]) -> None:
        self.folder = folder
        self._shards = shards
        self._firsts = np.cumsum([0, *(shard.tokens for shard in shards)])
        self._mapped: dict[int, Any] = {}
        self._layers: Layers | None = None

    @classmethod
    def open(cls, folder: Path) -> "TokenStream":
        """The shards of `folder`, in the order of their names.

        Raises:
            UserError: no shard, unreadable metadata, or a shard shorter or longer than its metadata says.
        """
        paths = sorted(folder.glob("*.ds")) or sorted(folder.glob(f"*{SUFFIX}"))
        if not paths:
            raise UserError(f"{folder}: no .ds token shard here; run the mixing pipeline again")
        return cls(folder, [_described(path) for path in paths])

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Tokens `start` to `stop` of the stream as int64, shape (stop - start,)."""
        first, last = np.searchsorted(self._firsts, [start, max(stop - 1, start)], side="right") - 1
        parts = []
        for number in range(int(first), min(int(last) + 1, len(self._shards))):
            offset = int(self._firsts[number])
            parts.append(self._map(number)[max(start - offset, 0) : stop - offset])
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)

    def _map(self, number: int) -> Any:
        if number not in self._mapped:
            if len(self._mapped) == _MAPPED:
                self._mapped.pop(next(iter(self._mapped)))
            self._mapped[number] = self._opened(self._shards[number])
        return self._mapped[number]

    def _opened(self, shard: StreamShard) -> Any:
        if shard.path.suffix != SUFFIX:
            return np.memmap(shard.path, dtype=shard.dtype, mode="r")
        self._layers = self._layers or Layers.open(self.folder)
        return PlannedTokens(map_pieces(shard.path), self._layers)

    def sequences(self, start: int, count: int, context: int) -> np.ndarray:
        """`count` windows from token `start` on, each with the token that follows it: int64 (count, context + 1)."""
        tokens = self.read(start, start + count * context + 1)
        return np.lib.stride_tricks.sliding_window_view(tokens, context + 1)[::context].copy()

    def batches(
        self, first: int, steps: int, batch_tokens: int, context: int, *, part: int = 0, parts: int = 1
    ) -> Iterator[np.ndarray]:
        """The batches of steps `first` to `steps`, in stream order: each int64 (batch_tokens / context, context + 1).

        Of `parts` equal parts of each batch there is only the one that is numbered `part`.

        Raises:
            UserError: the stream is too short for `steps` batches.
        """
        if len(self) < steps * batch_tokens + 1:
            raise UserError(
                f"{self.folder}: {len(self):,} tokens, but {steps} steps of {batch_tokens:,} need "
                f"{steps * batch_tokens + 1:,}; lower the stage's `tokens` or mix again"
            )
        count = batch_tokens // context // parts
        for step in range(first, steps):
            yield self.sequences(step * batch_tokens + part * count * context, count, context)


def read_documents(folder: Path) -> Iterator[pd.DataFrame]:
    """Where the documents of a mix stand, one table a shard: start, end (in the stream), source, id, skip."""
    for path in sorted(folder.glob(f"*{DOCUMENTS}")):
        yield pd.read_parquet(path)


def _described(path: Path) -> StreamShard:
    metadata = path.with_name(f"{path.name}.metadata")
    try:
        name, count = metadata.read_text().splitlines()[:2]
        width, tokens = int(name.rpartition("|")[2]), int(count)
        dtype = _WIDTHS[width]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{metadata}: not readable as shard metadata; run the mixing pipeline again") from error
    size = path.stat().st_size
    held = tokens_of(path) if path.suffix == SUFFIX else size / width
    if held != tokens or tokens == 0:
        raise UserError(
            f"{path}: {size:,} bytes, but {tokens:,} tokens of {width} bytes are expected; the shard is damaged, "
            "run the mixing pipeline again"
        )
    return StreamShard(path, tokens, dtype)
