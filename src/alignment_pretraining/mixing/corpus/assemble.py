"""The corpus from what was read: repeated ids kept out, natural discourse mixed in, held-out documents apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import numbered
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.execution.config import Execution
from alignment_pretraining.execution.store import TaskResult, hard_link
from alignment_pretraining.execution.tasks import run_tasks
from alignment_pretraining.mixing.corpus.config import CorpusConfig
from alignment_pretraining.mixing.corpus.discourse import DiscourseSupply
from alignment_pretraining.mixing.corpus.document import BadRow
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches
from alignment_pretraining.mixing.corpus.parts import SCHEMA, Part, PartWriter, write_list
from alignment_pretraining.mixing.corpus.quarantine import QuarantineWriter, gather
from alignment_pretraining.mixing.corpus.reading import (
    HELDOUT,
    KEPT,
    count_kept,
    plan_readings,
    read_parts,
    refuse_unreadable,
)
from alignment_pretraining.mixing.corpus.repeats import repeated_rows

NATURAL = "natural_discourse"


@dataclass(frozen=True)
class CorpusFolders:
    """Folders of parts, the file of bad rows, and what was read: source, read, quarantined, held_out (documents)."""

    documents: Path
    heldout: Path
    quarantine: Path
    reading: pd.DataFrame


def read_corpus(
    config: CorpusConfig, discourse: pd.DataFrame, folder: Path, scratch: Path, execution: Execution
) -> CorpusFolders:
    """Read all sources, and write the corpus to the empty `folder`.

    Raises:
        UserError: a source cannot be read (see the readers) or gives no document; there is not enough discourse. What
            the first rows of a source show is told before the others are read.
    """
    readings = plan_readings(config)
    refuse_unreadable(config, [reading for _, reading in readings])
    sizes = discourse.text.map(lambda text: len(text.encode())).to_numpy(dtype=np.int64)
    supply = DiscourseSupply(config.natural_discourse_share, int(sizes.sum()))
    read = count_kept(supply)
    done = run_tasks("read_corpus", partial(read_parts, config, supply), readings, scratch, execution, read)
    sources = [reading.source for _, reading in readings]
    _refuse_empty(config, sources, done)
    parts = [part for task, source in zip(done, sources, strict=True) for part in _parts(task, config, source)]
    (folder / "repeats").mkdir()
    repeats = QuarantineWriter(folder / "repeats")
    sides = {}
    most = len(parts) + len(discourse)  # files of a side
    for side in (KEPT, HELDOUT):
        own = [part for part in parts if part.path.name.startswith(side)]
        sides[side] = list(_without_repeats(own, _folder(folder, side), most, repeats))
    repeats.close()
    reading = _account(config, sources, done, parts, sides)
    natural = list(_natural(sides[KEPT], discourse, sizes, config, _folder(folder, KEPT), most))
    if natural:  # made for this project, so that all of it counts as read
        made = {"source": NATURAL, "read": sum(part.rows for part in natural), "quarantined": 0, "held_out": 0}
        reading = pd.concat([reading, pd.DataFrame([made])], ignore_index=True)
    write_list(_folder(folder, KEPT), [*sides[KEPT], *natural])
    write_list(_folder(folder, HELDOUT), sides[HELDOUT])
    quarantine = gather([*(task.folder for task in done), folder / "repeats"], folder / "quarantine.parquet")
    return CorpusFolders(_folder(folder, KEPT), _folder(folder, HELDOUT), quarantine, reading)


def mix_in(sizes: np.ndarray, base_bytes: int, share: float, seed: int) -> np.ndarray:
    """Which discourse documents, of `sizes` bytes, make up at most `share` of the bytes of the whole: sorted numbers.

    Raises:
        UserError: there is not enough discourse.
    """
    supply = DiscourseSupply(share, int(sizes.sum()))
    supply.check(base_bytes)
    wanted = supply.wanted(base_bytes)
    order = np.random.default_rng(seed).permutation(len(sizes))
    return np.sort(order[: np.searchsorted(np.cumsum(sizes[order]), wanted, side="right")])


def _folder(folder: Path, side: str) -> Path:
    return folder / side.strip("-")


def _parts(task: TaskResult, config: CorpusConfig, source: int) -> list[Part]:
    spec = config.sources[source]
    return [
        Part(task.folder / part["name"], spec.label, spec.pool, part["rows"], part["bytes"], part["hash"])
        for part in task.told["parts"]
    ]


def _refuse_empty(config: CorpusConfig, sources: Sequence[int], done: Sequence[TaskResult]) -> None:
    for number, spec in enumerate(config.sources):
        told = [task.told for task, source in zip(done, sources, strict=True) if source == number]
        if not any(task["parts"] for task in told):
            first = next((task["first"] for task in told if task["first"]), "")
            why = f"; the first row: {first}" if first else ""
            raise UserError(f"corpus.sources[{number}] holds no document: {spec}{why}")


def _without_repeats(parts: list[Part], folder: Path, most: int, repeats: QuarantineWriter) -> Iterator[Part]:
    """The parts under their number in `folder`, of at most `most` files; rows that repeat an id go to `repeats`."""
    folder.mkdir()
    repeated = repeated_rows(parts, folder=folder)
    numbers = count()
    for number, part in enumerate(parts):
        if number not in repeated:
            target = folder / f"{numbered(next(numbers), most)}.parquet"
            hard_link(part.path, target)
            yield replace(part, path=target)
            continue
        writer = PartWriter(folder, f"without-{number}-", part.bytes + 1)
        for row in _split(part, set(repeated[number].tolist()), writer):
            repeats.add(row)
        for name, rows, size in writer.written:
            target = (folder / name).rename(folder / f"{numbered(next(numbers), most)}.parquet")
            yield replace(part, path=target, rows=rows, bytes=size, hash=file_sha256(target))


def _split(part: Part, rows: set[int], writer: PartWriter) -> Iterator[BadRow]:
    """Write all but the numbered rows of a part; these are bad ones."""
    numbers = count()
    with open_parquet(part.path) as file:
        for batch in record_batches(file, SCHEMA.names):
            for key, text, source in zip(*batch.to_pydict().values(), strict=True):
                if next(numbers) in rows:
                    yield BadRow(source, key, "repeats an id; name another `id` column, or none to number the rows")
                else:
                    writer.add(key, text, source, len(text.encode()))
    writer.close()


def _natural(
    base: list[Part], discourse: pd.DataFrame, sizes: np.ndarray, config: CorpusConfig, folder: Path, most: int
) -> Iterator[Part]:
    """Parts of the natural discourse (of texts of `sizes` bytes) that is mixed in, after those of the base corpus."""
    chosen = mix_in(sizes, sum(part.bytes for part in base), config.natural_discourse_share, config.seed)
    writer = PartWriter(folder, f"{NATURAL}-", config.part_bytes)
    for key, text, size in zip(discourse.id.iloc[chosen], discourse.text.iloc[chosen], sizes[chosen], strict=True):
        writer.add(key, text, NATURAL, int(size))
    writer.close()
    pool = config.sources[0].pool
    for number, (name, rows, size) in enumerate(writer.written, start=len(base)):
        path = (folder / name).rename(folder / f"{numbered(number, most)}.parquet")
        yield Part(path, NATURAL, pool, rows, size, file_sha256(path))


def _account(
    config: CorpusConfig,
    sources: Sequence[int],
    done: Sequence[TaskResult],
    parts: Sequence[Part],
    sides: dict[str, list[Part]],
) -> pd.DataFrame:
    """Documents of each source: read, in quarantine, held out. `parts` are what was read, `sides` what is left."""
    rows = {spec.label: {"read": 0, "quarantined": 0, "held_out": 0} for spec in config.sources}
    for task, source in zip(done, sources, strict=True):
        rows[config.sources[source].label]["quarantined"] += task.told["quarantined"]
    for part in parts:
        rows[part.source]["quarantined"] += part.rows
    for row in rows.values():
        row["read"] = row["quarantined"]
    for part in (*sides[KEPT], *sides[HELDOUT]):
        rows[part.source]["quarantined"] -= part.rows
    for part in sides[HELDOUT]:
        rows[part.source]["held_out"] += part.rows
    return pd.DataFrame([{"source": label, **row} for label, row in rows.items()])
