"""Reading the base corpus in tasks: a file, a shard of a hub dataset, or a whole source that ends early."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.execution.store import TaskStatistics, task_fingerprint
from alignment_pretraining.mixing.corpus.config import CorpusConfig, Files, HubDataset, Packages, StoriesSource
from alignment_pretraining.mixing.corpus.discourse import DiscourseSupply
from alignment_pretraining.mixing.corpus.docstrings import installed_package, read_docstrings
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.files import File, find_files, read_file
from alignment_pretraining.mixing.corpus.hub import hub_shards, read_hub_shard
from alignment_pretraining.mixing.corpus.parts import PartWriter
from alignment_pretraining.mixing.corpus.quarantine import QuarantineWriter

KEPT, HELDOUT = "kept-", "heldout-"
# What is tried before everything is read: readings of a source, and rows of each.
_READINGS_TRIED, _ROWS_TRIED = 8, 1000


@dataclass(frozen=True)
class Reading:
    """One task: some files, or one of `shards` shards, of source number `source`. Ids begin with `prefix`."""

    source: int
    spec: Packages | Files | HubDataset
    prefix: str = ""
    files: tuple[File, ...] = ()
    shard: int = 0
    shards: int = 1


def plan_readings(config: CorpusConfig) -> list[tuple[str, Reading]]:
    """The tasks that read all sources, in order, each with a fingerprint of what it reads and how.

    Raises:
        UserError: a source cannot be found.
    """
    how = [config.heldout_share, config.max_document_bytes, config.part_bytes]
    readings = []
    for number, spec in enumerate(config.sources):
        assert not isinstance(spec, StoriesSource)  # a file by now, see `with_stories`
        # Numbered rows have the same numbers in every source. A further source renames none of those before it.
        numbered = not isinstance(spec, Packages) and spec.id is None
        prefix = f"{number}/" if numbered and number else ""
        for reading, state in _readings(number, spec, prefix):
            readings.append((task_fingerprint(read_parts, how, prefix, spec.model_dump(), state), reading))
    return readings


def refuse_unreadable(config: CorpusConfig, readings: Sequence[Reading]) -> None:
    """Try the first rows of a few readings of each source, before all are read.

    Raises:
        UserError: none of these rows is a document.
    """
    for number, spec in enumerate(config.sources):
        own = [reading for reading in readings if reading.source == number]
        tried = own[:: max(len(own) // _READINGS_TRIED, 1)]
        why = ""
        if tried and all(why := _trouble(reading, config.max_document_bytes) for reading in tried):
            raise UserError(
                f"corpus.sources[{number}] holds no document in its first rows ({len(tried)} of {len(own)} files were "
                f"tried): {spec}; the first row: {why}"
            )


def count_kept(supply: DiscourseSupply) -> Callable[[TaskStatistics], None]:
    """What to call with the statistics of each reading: an error as soon as there is too little discourse for them."""
    total = 0

    def add(told: TaskStatistics) -> None:
        nonlocal total
        total += sum(part["bytes"] for part in told["parts"] if part["name"].startswith(KEPT))
        supply.check_reading(total)

    return add


def read_rows(reading: Reading) -> Iterator[Document | BadRow]:
    """The rows of a task, whole documents while their text stays within `max_bytes`."""
    total = 0
    for row in _rows(reading):
        if reading.spec.max_bytes is not None and isinstance(row, Document):
            total += _size(row.text)
            if total > reading.spec.max_bytes:
                return
        yield row


def read_parts(config: CorpusConfig, supply: DiscourseSupply, reading: Reading, folder: Path) -> TaskStatistics:
    """Write parts of kept and of held-out documents, and the bad rows, to `folder`.

    A hash of its id within its source decides where a document goes, so it keeps its side as a corpus grows.

    Raises:
        UserError: what is read alone is too much for the natural discourse that there is.
    """
    kept, heldout = (PartWriter(folder, prefix, config.part_bytes) for prefix in (KEPT, HELDOUT))
    quarantine = QuarantineWriter(folder)
    kept_bytes = 0
    for row in read_rows(reading):
        if isinstance(row, BadRow):
            quarantine.add(row)
            continue
        size = _size(row.text)
        problem = _problem(row.text, size, config.max_document_bytes)
        if problem:
            quarantine.add(BadRow(row.source, row.id, problem))
        else:
            side = heldout if unit_hash(row.id) < config.heldout_share else kept
            side.add(reading.prefix + row.id, row.text, row.source, size)
            kept_bytes += size if side is kept else 0
            supply.check_reading(kept_bytes)
    for writer in (kept, heldout, quarantine):
        writer.close()
    parts = [
        {"name": name, "rows": rows, "bytes": size, "hash": file_sha256(folder / name)}
        for name, rows, size in (*kept.written, *heldout.written)
    ]
    return {"parts": parts, "quarantined": quarantine.count, "first": quarantine.first}


def unit_hash(key: str) -> float:
    """A number in [0, 1) that depends on `key` alone."""
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[:8], "big") / 2**64


def _readings(number: int, spec: Packages | Files | HubDataset, prefix: str) -> Iterator[tuple[Reading, Any]]:
    """The tasks of a source, each with the state of what it reads."""
    if isinstance(spec, Files):
        files = find_files(spec)
        groups = [tuple(files)] if spec.max_bytes else [(file,) for file in files]
        yield from ((Reading(number, spec, prefix, group), group) for group in groups)
    elif isinstance(spec, HubDataset):
        shards, state = hub_shards(spec)
        for shard in range(shards):
            yield Reading(number, spec, prefix, shard=shard, shards=shards), [state, shard, shards]
    else:
        yield Reading(number, spec, prefix), [installed_package(*package).version for package in spec.packages.items()]


def _rows(reading: Reading) -> Iterator[Document | BadRow]:
    if isinstance(reading.spec, Packages):
        yield from read_docstrings(reading.spec)
    elif isinstance(reading.spec, Files):
        for file in reading.files:
            yield from read_file(reading.spec, file)
    else:
        yield from read_hub_shard(reading.spec, reading.shard, reading.shards)


def _trouble(reading: Reading, max_bytes: int) -> str:
    """Why the first of the first rows of a reading is no document; "" where one of them is, or there are none."""
    first = ""
    for row in islice(read_rows(reading), _ROWS_TRIED):
        problem = row.reason if isinstance(row, BadRow) else _problem(row.text, _size(row.text), max_bytes)
        if problem is None:
            return ""
        first = first or problem
    return first


def _size(text: str) -> int:
    """Bytes of a text, without a copy of it where it is ASCII."""
    return len(text) if text.isascii() else len(text.encode())


def _problem(text: str, size: int, max_bytes: int) -> str | None:
    """Why a document is kept out, if it is."""
    if "\0" in text:
        return "holds a NUL character"
    if size > max_bytes:
        return f"{size:,} bytes, more than corpus.max_document_bytes"
    return None if text and not text.isspace() else "empty"
