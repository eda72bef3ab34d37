"""Reading the base corpus in tasks: a file, a shard of a hub dataset, or a whole source that ends early."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.execution.store import TaskStatistics, task_fingerprint
from alignment_pretraining.mixing.corpus.config import CorpusConfig, Files, HubDataset, Packages, StoriesSource
from alignment_pretraining.mixing.corpus.docstrings import installed_package, read_docstrings
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.files import File, find_files, read_file
from alignment_pretraining.mixing.corpus.hub import hub_shards, read_hub_shard
from alignment_pretraining.mixing.corpus.parts import PartWriter
from alignment_pretraining.mixing.corpus.quarantine import QuarantineWriter

KEPT, HELDOUT = "kept-", "heldout-"


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


def read_rows(reading: Reading) -> Iterator[Document | BadRow]:
    """The rows of a task, whole documents while their text stays within `max_bytes`."""
    total = 0
    for row in _rows(reading):
        if reading.spec.max_bytes is not None and isinstance(row, Document):
            total += len(row.text.encode())
            if total > reading.spec.max_bytes:
                return
        yield row


def read_parts(config: CorpusConfig, reading: Reading, folder: Path) -> TaskStatistics:
    """Write parts of kept and of held-out documents, and the bad rows, to `folder`.

    A hash of its id within its source decides where a document goes, so it keeps its side as a corpus grows.
    """
    kept, heldout = (PartWriter(folder, prefix, config.part_bytes) for prefix in (KEPT, HELDOUT))
    quarantine = QuarantineWriter(folder)
    for row in read_rows(reading):
        if isinstance(row, BadRow):
            quarantine.add(row)
            continue
        size = len(row.text.encode())
        problem = _problem(row.text, size, config.max_document_bytes)
        if problem:
            quarantine.add(BadRow(row.source, row.id, problem))
        else:
            side = heldout if unit_hash(row.id) < config.heldout_share else kept
            side.add(reading.prefix + row.id, row.text, row.source, size)
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


def _problem(text: str, size: int, max_bytes: int) -> str | None:
    """Why a document is kept out, if it is."""
    if "\0" in text:
        return "holds a NUL character"
    if size > max_bytes:
        return f"{size:,} bytes, more than corpus.max_document_bytes"
    return None if text and not text.isspace() else "empty"
