"""What the mixes draw on: the token shards of every source, and what the filter and the contamination check found."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file
from alignment_pretraining.core.shards import Shards, read_shard
from alignment_pretraining.mixing.filtering.flags import read_flags

LIST = "_shards.json"
# Tokens of a document, and the number of what it is flagged for.
LENGTH, FLAG = np.dtype("<u4"), np.dtype("<u2")


@dataclass(frozen=True)
class ShardRecord:
    """What was made of one part of a source: `part` is the part's hash, `hash` that of what was made of it."""

    part: str
    pool: str
    hash: str


def write_shard_records(folder: Path, made: Sequence[ShardRecord]) -> None:
    """Write what lies in `folder`, in its order."""
    (folder / LIST).write_text(json.dumps([asdict(one) for one in made], indent=1))


def read_shard_records(folder: Path) -> list[ShardRecord]:
    """What lies in `folder`, in its order.

    Raises:
        UserError: the folder has no list.
    """
    try:
        return [ShardRecord(**row) for row in json.loads((folder / LIST).read_text())]
    except OSError as error:
        raise UserError(f"{folder}: its list cannot be read ({error}); run the mixing pipeline again") from error


def write_array(path: Path, blocks: Iterable[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """Write numbers, one block after the other, for many processes to read; gives all of them (`read_array`)."""
    with atomic_file(path) as stream:
        for block in blocks:
            stream.write(block.astype(dtype, copy=False).tobytes())
    return read_array(path, dtype)


def read_array(path: Path, dtype: np.dtype) -> np.ndarray:
    """The numbers of a file, mapped from disk: processes on one machine have them in memory once."""
    if path.stat().st_size == 0:
        return np.empty(0, dtype)
    return np.memmap(path, dtype=dtype, mode="r")


def write_lengths(shards: Shards, path: Path) -> np.ndarray:
    """Write how many tokens each document of the shards has, LENGTH (documents,)."""
    return write_array(path, (read_shard(shard).lengths for shard in shards.paths), LENGTH)


def write_flags(flags: Path, tokens: Path, path: Path) -> tuple[np.ndarray, list[str]]:
    """Write the flag of each document in the shards of `tokens`, FLAG (documents,): 0 when it is not flagged.

    Gives them and the categories (`;`-joined) of every flag.

    Raises:
        UserError: the flags are those of other documents, or of too many combinations of categories.
    """
    _refuse_others(flags, tokens)
    categories = [""]

    def numbers() -> Iterator[np.ndarray]:
        for part in sorted(flags.glob("*.parquet")):
            flagged, found = read_flags(part)
            categories.extend(name for name in found.categories if name not in categories)
            if len(categories) - 1 > np.iinfo(FLAG).max:  # the first is that of no flag
                raise UserError(
                    f"{flags}: documents of more than {np.iinfo(FLAG).max:,} combinations of categories of "
                    "the blocklist; join some of these"
                )
            number = np.array([categories.index(name) for name in found.categories])
            yield np.where(flagged, number[found.codes], 0) if len(number) else np.zeros(len(flagged))

    return write_array(path, numbers(), FLAG), categories


def load_contamination(contamination: Path, tokens: Path, lengths: Sequence[int]) -> pd.DataFrame:
    """Documents of a source that quote a question: columns document (number), split. `lengths` are those of its shards.

    Raises:
        UserError: they are other documents than those of `tokens`.
    """
    _refuse_others(contamination, tokens)
    firsts = np.cumsum([0, *lengths])
    tables = [
        pq.read_table(path, columns=["row", "split"]).to_pandas().assign(first=first)
        for path, first in zip(sorted(contamination.glob("*.parquet")), firsts, strict=False)
    ]
    table = pd.concat(tables) if tables else pd.DataFrame({"row": [], "split": [], "first": []})
    return pd.DataFrame({"document": table.row + table["first"], "split": table.split})


def _refuse_others(found: Path, tokens: Path) -> None:
    if [made.part for made in read_shard_records(found)] != [made.part for made in read_shard_records(tokens)]:
        raise UserError(f"{found} is not about the documents in {tokens}: run the mixing pipeline again")
