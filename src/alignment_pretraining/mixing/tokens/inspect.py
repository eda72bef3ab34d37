"""A look at any place of a mix: the text that stands there, document by document; and where a document stands."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.token_stream import DOCUMENTS, TokenStream, read_documents
from alignment_pretraining.mixing.tokens.tokenizer import FILE


@dataclass(frozen=True)
class Excerpt:
    """What is shown of one document: where it stands in the stream, and where the text begins in the document.

    `start` and `end` are positions in the stream (tokens, end exclusive), `skip` tokens before it in its document.
    """

    source: str
    id: str
    start: int
    end: int
    skip: int
    text: str


def read_excerpts(mix: Path, tokenizer: Path, at: int, count: int) -> Iterator[Excerpt]:
    """The excerpts that make up tokens `at` to `at + count` of the stream in `mix`.

    Raises:
        UserError: the stream does not reach that far, or its files are damaged.
    """
    from tokenizers import Tokenizer

    stream = TokenStream.open(mix)
    total = len(stream)
    if not 0 <= at < total:
        raise UserError(f"{mix}: there is no token {at:,}; the stream has {total:,}, counted from 0")
    end = min(at + count, total)
    engine = Tokenizer.from_file(str(tokenizer / FILE))
    row: Any
    for documents in read_documents(mix):
        for row in documents[(documents.start < end) & (documents.end > at)].itertuples():
            start, stop = max(row.start, at), min(row.end, end)
            text = engine.decode(stream.read(start, stop).tolist(), skip_special_tokens=False)
            yield Excerpt(row.source, row.id, start, stop, row.skip + start - row.start, text)


def find_documents(mix: Path, ids: Collection[str]) -> pd.DataFrame:
    """The rows of `read_documents` for the documents `ids`: one for each time that a part of one is in the stream."""
    tables = sorted(mix.glob(f"*{DOCUMENTS}")) if ids else []
    parts = [pd.read_parquet(path, filters=[("id", "in", sorted(ids))]) for path in tables]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
