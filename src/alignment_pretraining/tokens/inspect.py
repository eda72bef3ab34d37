"""A look at any place of a mix: the text that stands there, document by document."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.errors import UserError
from alignment_pretraining.tokens.shards import read_shard
from alignment_pretraining.tokens.tokenizer import FILE


@dataclass(frozen=True)
class Passage:
    """What is shown of one document: where it stands in the stream, and where the text begins in the document.

    `start` and `end` are positions in the stream (tokens, end exclusive), `skip` tokens before it in its document.
    """

    source: str
    id: str
    start: int
    end: int
    skip: int
    text: str


def read_passages(mix: Path, tokenizer: Path, at: int, count: int) -> Iterator[Passage]:
    """The passages that make up tokens `at` to `at + count` of the stream in `mix`.

    Raises:
        UserError: the stream does not reach that far, or its files are damaged.
    """
    from tokenizers import Tokenizer

    shard = read_shard(mix)
    if not 0 <= at < len(shard.tokens):
        raise UserError(f"{mix}: there is no token {at:,}; the stream has {len(shard.tokens):,}, counted from 0")
    end = min(at + count, len(shard.tokens))
    engine = Tokenizer.from_file(str(tokenizer / FILE))
    documents = pd.read_parquet(mix / "documents.parquet")
    row: Any
    for row in documents[(documents.start < end) & (documents.end > at)].itertuples():
        first, last = max(row.start, at), min(row.end, end)
        text = engine.decode(shard.tokens[first:last].tolist(), skip_special_tokens=False)
        yield Passage(row.source, row.id, first, last, row.skip + first - row.start, text)
