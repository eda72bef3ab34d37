"""The base corpus as one table: its sources read, natural discourse mixed in, held-out documents split off."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from alignment_pretraining.corpus.config import CorpusConfig, Files, HubDataset, Packages
from alignment_pretraining.corpus.docstrings import read_docstrings
from alignment_pretraining.corpus.document import BadRow, Document
from alignment_pretraining.corpus.files import read_files
from alignment_pretraining.corpus.hub import read_hub_dataset
from alignment_pretraining.errors import UserError


def read_sources(config: CorpusConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All documents of all sources (columns id, text, source), and the rows kept out (source, row, reason).

    Raises:
        UserError: a source cannot be read (see the readers), or gives no document.
    """
    documents: list[Document] = []
    quarantine: list[BadRow] = []
    known: set[str] = set()
    for number, spec in enumerate(config.sources):
        before, bad_before = len(documents), len(quarantine)
        for found in _up_to(spec.max_bytes, _read(spec)):
            problem = _problem(found, known, config.max_document_bytes) if isinstance(found, Document) else None
            if isinstance(found, BadRow):
                quarantine.append(found)
            elif problem:
                quarantine.append(BadRow(found.source, found.id, problem))
            else:
                documents.append(found)
                known.add(found.id)
        if len(documents) == before:
            why = f"; the first row: {quarantine[bad_before].reason}" if len(quarantine) > bad_before else ""
            raise UserError(f"corpus.sources[{number}] holds no document: {spec}{why}")
    return (
        pd.DataFrame(documents, columns=list(Document._fields)),
        pd.DataFrame(quarantine, columns=list(BadRow._fields)),
    )


def mix_in(base: pd.DataFrame, discourse: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """`base` followed by a random choice of `discourse` that makes up at most `share` of the bytes of the whole.

    Raises:
        UserError: there is not enough discourse.
    """
    sizes = discourse.text.map(_size).to_numpy(dtype=np.int64)
    wanted = round(base.text.map(_size).sum() * share / (1 - share))
    if sizes.sum() < wanted:
        raise UserError(
            f"corpus.natural_discourse_share {share} asks for {wanted:,} bytes of natural discourse, but there are "
            f"{sizes.sum():,}: lower the share, or raise synthesis.natural_discourse.count"
        )
    order = np.random.default_rng(seed).permutation(len(discourse))
    chosen = np.sort(order[: np.searchsorted(np.cumsum(sizes[order]), wanted, side="right")])
    added = discourse.iloc[chosen][["id", "text"]].assign(source="natural_discourse")
    return pd.concat([base, added], ignore_index=True)


def split_heldout(base: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and held-out documents. A hash of the id decides, so a document keeps its side as a corpus grows."""
    held = base.id.map(_unit_hash) < share
    return base[~held].reset_index(drop=True), base[held].reset_index(drop=True)


def _problem(document: Document, known: set[str], max_bytes: int) -> str | None:
    """Why a document is kept out, if it is."""
    if not document.text.strip():
        return "empty"
    if "\0" in document.text:
        return "holds a NUL character"
    if document.id in known:
        return "repeats an id; name another `id` column, or none to number the rows"
    size = _size(document.text)
    return f"{size:,} bytes, more than corpus.max_document_bytes" if size > max_bytes else None


def _read(spec: Packages | Files | HubDataset) -> Iterator[Document | BadRow]:
    if isinstance(spec, Packages):
        return read_docstrings(spec)
    return read_files(spec) if isinstance(spec, Files) else read_hub_dataset(spec)


def _up_to(max_bytes: int | None, rows: Iterator[Document | BadRow]) -> Iterator[Document | BadRow]:
    """Whole documents while their text stays within `max_bytes`, and the bad rows between them."""
    total = 0
    for row in rows:
        total += _size(row.text) if isinstance(row, Document) else 0
        if max_bytes is not None and total > max_bytes:
            return
        yield row


def _size(text: str) -> int:
    return len(text.encode())


def _unit_hash(key: str) -> float:
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:8], "big") / 2**64
