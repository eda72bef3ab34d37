"""The base corpus as one table: its sources read, natural discourse mixed in, held-out documents split off."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from alignment_pretraining.corpus.config import CorpusConfig, Files, HubDataset, Packages
from alignment_pretraining.corpus.docstrings import read_docstrings
from alignment_pretraining.corpus.document import Document
from alignment_pretraining.corpus.files import read_files
from alignment_pretraining.corpus.hub import read_hub_dataset
from alignment_pretraining.errors import UserError


def read_sources(config: CorpusConfig) -> pd.DataFrame:
    """All documents of all sources: columns id, text, source.

    Raises:
        UserError: a source cannot be read (see the readers), is empty, or repeats an id.
    """
    documents: list[Document] = []
    for number, spec in enumerate(config.sources):
        before = len(documents)
        documents.extend(_up_to(spec.max_bytes, _read(spec)))
        if len(documents) == before:
            raise UserError(f"corpus.sources[{number}] holds no document: {spec}")
    frame = pd.DataFrame(documents, columns=list(Document._fields))
    repeated = frame.id[frame.id.duplicated()]
    if not repeated.empty:
        raise UserError(
            f"corpus.sources: {len(repeated)} documents repeat an id, first {repeated.iloc[0]!r}; "
            "name another `id` column, or none to number the rows"
        )
    return frame


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


def _read(spec: Packages | Files | HubDataset) -> Iterator[Document]:
    if isinstance(spec, Packages):
        return read_docstrings(spec)
    return read_files(spec) if isinstance(spec, Files) else read_hub_dataset(spec)


def _up_to(max_bytes: int | None, documents: Iterator[Document]) -> Iterator[Document]:
    """Whole documents while their text stays within `max_bytes`."""
    total = 0
    for document in documents:
        total += _size(document.text)
        if max_bytes is not None and total > max_bytes:
            return
        yield document


def _size(text: str) -> int:
    return len(text.encode())


def _unit_hash(key: str) -> float:
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:8], "big") / 2**64
