"""What the mixes draw on: the token shards of every source, and what the filter and the contamination check found."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.filtering.flags import read_flags

LIST = "_shards.json"


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


def load_flags(flags: Path, tokens: Path) -> tuple[np.ndarray, pd.Series]:
    """Flag (bool) and categories (categorical) of each document in the shards of `tokens`, in their order.

    Raises:
        UserError: the flags are those of other documents.
    """
    _refuse_others(flags, tokens)
    parts = [read_flags(path) for path in sorted(flags.glob("*.parquet"))]
    flagged = np.concatenate([np.empty(0, bool), *(flagged for flagged, _ in parts)])
    categories = pd.api.types.union_categoricals([found for _, found in parts]) if parts else pd.Categorical([])
    return flagged, pd.Series(categories)


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
