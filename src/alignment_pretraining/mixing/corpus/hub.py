"""Hugging Face datasets, by name on the hub or by local path, read as a stream."""

from collections.abc import Iterator
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hub import stream
from alignment_pretraining.mixing.corpus.config import HubDataset
from alignment_pretraining.mixing.corpus.document import BadRow, Document, RowError
from alignment_pretraining.mixing.corpus.files import column


def hub_shards(spec: HubDataset) -> tuple[int, str]:
    """How many shards a split has (1 if it is to end early), and the state of the files that it is read from.

    Raises:
        UserError: the dataset or split cannot be opened.
    """
    import datasets
    from datasets.fingerprint import Hasher

    try:
        builder = datasets.load_dataset_builder(spec.dataset, spec.config, revision=spec.revision)
        shards = 1 if spec.max_bytes else builder.as_streaming_dataset(split=spec.split).num_shards
        return shards, Hasher.hash((builder.hash, builder.config.data_files))
    except Exception as error:
        raise _unreadable(spec, error) from error


def read_hub_shard(spec: HubDataset, shard: int, shards: int) -> Iterator[Document | BadRow]:
    """The rows of one of `shards` shards of a split, in their order. Rows count from 1 in each shard.

    Raises:
        UserError: it cannot be read.
    """
    where = f"{spec.dataset}:{shard}" if shards > 1 else spec.dataset
    for row, record in enumerate(_rows(spec, shard, shards), start=1):
        try:
            key = f"{where}:{row}" if spec.id is None else str(column(record, spec.id, (str, int)))
            yield Document(key, column(record, spec.text), spec.dataset)
        except RowError as error:
            yield BadRow(f"{where} split {spec.split}", str(row), str(error))


def _rows(spec: HubDataset, shard: int, shards: int) -> Iterator[Any]:
    try:
        rows = stream(spec.dataset, spec.config, spec.split, spec.revision)
        yield from rows.shard(shards, shard) if shards > 1 else rows
    except Exception as error:
        raise _unreadable(spec, error) from error


def _unreadable(spec: HubDataset, error: Exception) -> UserError:
    # The library raises anything from ValueError to network errors.
    return UserError(
        f"corpus.sources: {spec.dataset} split {spec.split} cannot be read ({type(error).__name__}: {error})"
    )
