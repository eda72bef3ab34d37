"""Hugging Face datasets, by name on the hub or by local path, read as a stream."""

from collections.abc import Iterator
from typing import Any

from alignment_pretraining.corpus.config import HubDataset
from alignment_pretraining.corpus.document import BadRow, Document, RowError
from alignment_pretraining.corpus.files import column
from alignment_pretraining.errors import UserError


def read_hub_dataset(spec: HubDataset) -> Iterator[Document | BadRow]:
    """The rows of one split, in their order. Rows count from 1.

    Raises:
        UserError: the dataset or split cannot be opened.
    """
    where = f"{spec.dataset} split {spec.split}"
    for row, record in enumerate(_rows(spec, where), start=1):
        try:
            key = f"{spec.dataset}:{row}" if spec.id is None else str(column(record, spec.id, (str, int)))
            yield Document(key, column(record, spec.text), spec.dataset)
        except RowError as error:
            yield BadRow(where, str(row), str(error))


def _rows(spec: HubDataset, where: str) -> Iterator[Any]:
    import datasets

    try:
        yield from datasets.load_dataset(spec.dataset, spec.config, split=spec.split, streaming=True)
    except Exception as error:  # the library raises anything from ValueError to network errors
        raise UserError(f"corpus.sources: {where} cannot be read ({type(error).__name__}: {error})") from error
