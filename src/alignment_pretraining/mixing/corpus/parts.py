"""Documents too many for memory: a folder of Parquet files (parts) in a fixed order, read and written in batches."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches

# Files whose names begin so are skipped by what reads a folder of Parquet files as one table.
LIST = "_parts.json"
# Text held in memory at a time, in bytes, and documents: short ones take more than their text.
GROUP_BYTES, _GROUP_ROWS = 1 << 23, 1 << 18
# Documents of one part: what is known of each is in memory wherever a part is worked on.
_PART_ROWS = 1 << 22


@dataclass(frozen=True)
class Part:
    """One part: `rows` documents with `bytes` of text (UTF-8). `source` is the configured source, `hash` SHA-256."""

    path: Path
    source: str
    pool: str
    rows: int
    bytes: int
    hash: str


class PartWriter:
    """Writes rows as `<prefix><n>.parquet` files, a new one when `part_bytes` of text are reached."""

    def __init__(self, folder: Path, prefix: str, part_bytes: int) -> None:
        self.written: list[tuple[str, int, int]] = []  # name, rows, bytes of text
        self._folder, self._prefix, self._limit = folder, prefix, part_bytes
        self._rows: list[tuple[str, str, str]] = []
        self._file: pq.ParquetWriter | None = None
        self._waiting = self._in_part = self._rows_in_part = 0

    def add(self, key: str, text: str, source: str, size: int) -> None:
        """Add a document; `size` is that of its text in bytes."""
        full = self._rows_in_part + len(self._rows) >= _PART_ROWS
        if full or (self._in_part and self._in_part + size > self._limit):
            self.close()
        self._rows.append((key, text, source))
        self._waiting += size
        self._in_part += size
        if self._waiting >= GROUP_BYTES or len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """End the part that is being written, if any."""
        self._flush()
        if self._file is not None:
            self._file.close()
            self.written.append((self._name(), self._rows_in_part, self._in_part))
        self._file, self._in_part, self._rows_in_part = None, 0, 0

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._file is None:
            self._file = pq.ParquetWriter(self._folder / self._name(), SCHEMA, compression="zstd")
        columns = [pa.array(column, pa.string()) for column in zip(*self._rows, strict=True)]
        self._file.write_table(pa.table(columns, schema=SCHEMA))
        self._rows_in_part += len(self._rows)
        self._rows, self._waiting = [], 0

    def _name(self) -> str:
        return f"{self._prefix}{len(self.written):05d}.parquet"


SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("source", pa.string())])


def write_list(folder: Path, parts: Sequence[Part]) -> None:
    """Write the list of the parts in `folder`, in their order."""
    rows = [{**asdict(part), "path": part.path.name} for part in parts]
    (folder / LIST).write_text(json.dumps(rows, indent=1))


def read_list(folder: Path) -> list[Part]:
    """The parts in `folder`, in their order.

    Raises:
        UserError: the folder has no list, or a part is missing.
    """
    try:
        parts = [Part(**{**row, "path": folder / row["path"]}) for row in json.loads((folder / LIST).read_text())]
        for part in parts:
            part.path.stat()
    except OSError as error:
        raise UserError(f"{folder}: parts are missing ({error}); run the mixing pipeline again") from error
    return parts


def table_part(path: Path, source: str) -> Part:
    """A Parquet file with columns id and text as one part; its text is not measured."""
    return Part(path, source, source, pq.ParquetFile(path).metadata.num_rows, 0, file_sha256(path))


def batches(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Ids and texts of a part, some megabytes at a time, in order."""
    with open_parquet(path) as file:
        for batch in record_batches(file, ["id", "text"]):
            yield batch.column("id").to_pylist(), batch.column("text").to_pylist()


def texts(parts: Sequence[Part], limit: int | None = None) -> Iterator[str]:
    """The texts of all parts, in order; or, when they are more than `limit` bytes, about an equal share of each part.

    A text that begins within the share of its part is taken, and those after it make up for what it has too much. The
    last one is cut at `limit`.
    """
    total = sum(part.bytes for part in parts)
    if limit is None or total <= limit:
        yield from (text for part in parts for _, found in batches(part.path) for text in found)
        return
    read = taken = 0
    for part in parts:
        read += part.bytes
        found = (text for _, some in batches(part.path) for text in some)
        while taken < limit * read // total and (text := next(found, None)) is not None:
            whole = text.encode()
            yield whole[: limit - taken].decode(errors="ignore")
            taken += len(whole)
