"""JSONL and Parquet files, local or at any fsspec URL, read row by row."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.corpus.config import Files
from alignment_pretraining.corpus.document import BadRow, Document, RowError
from alignment_pretraining.errors import UserError

_JSONL = {".jsonl": None, ".jsonl.gz": "gzip", ".jsonl.zst": "zstd"}
_ALLOWED = ", ".join([*_JSONL, ".parquet"])


def read_files(spec: Files) -> Iterator[Document | BadRow]:
    """The rows of all matching files, in the order of their sorted names. Rows count from 1.

    Raises:
        UserError: no file matches; a file is truncated, of an unknown kind, or a Parquet file without the columns.
    """
    import fsspec

    filesystem, pattern = fsspec.core.url_to_fs(spec.files)
    paths = sorted(filesystem.glob(pattern))
    if not paths:
        raise UserError(f"corpus.sources: no file matches {spec.files}")
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        with filesystem.open(path, "rb") as raw:
            for row, found in _rows(raw, path, [column for column in (spec.text, spec.id) if column]):
                try:
                    record = _parse(found) if isinstance(found, bytes) else found
                    text, key = column(record, spec.text), f"{name}:{row}"
                    if spec.id is not None:
                        key = str(column(record, spec.id, (str, int)))
                    yield Document(key, text, name)
                except RowError as error:
                    yield BadRow(path, str(row), str(error))


def column(record: Any, name: str, kinds: tuple[type, ...] = (str,)) -> Any:
    """The value at `name` in a row.

    Raises:
        RowError: there is none, or it is of another type.
    """
    if not isinstance(record, dict) or name not in record:
        have = ", ".join(record) if isinstance(record, dict) else "no columns"
        raise RowError(f"no column '{name}' (it has {have}); set `text` and `id` in corpus.sources")
    if not isinstance(record[name], kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise RowError(f"column '{name}' is {type(record[name]).__name__}, not {wanted}")
    return record[name]


def _rows(raw: BinaryIO, path: str, columns: list[str]) -> Iterator[tuple[int, bytes | dict[str, Any]]]:
    """Number and content of each row: a line of JSON, or the columns of a Parquet file."""
    if path.endswith(".parquet"):
        yield from enumerate(_parquet_rows(raw, path, columns), start=1)
        return
    codecs = [codec for suffix, codec in _JSONL.items() if path.endswith(suffix)]
    if not codecs:
        raise UserError(f"{path}: unknown kind of file; allowed are {_ALLOWED}")
    for row, line in enumerate(_lines(raw, codecs[0], path), start=1):
        if line.strip():
            yield row, line


def _lines(raw: BinaryIO, codec: str | None, path: str) -> Iterator[bytes]:
    # Arrow reports a truncated stream for both codecs; the zstandard package ends silently.
    row = 0
    try:
        for line in io.BufferedReader(pa.input_stream(raw, compression=codec), 1 << 20):
            row += 1
            yield line
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read beyond row {row} ({error}); is the file truncated?") from error


def _parse(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as encoding:
            raise RowError(f"not UTF-8 ({encoding.reason} at byte {encoding.start})") from error
        raise RowError(f"not JSON ({error})") from error


def _parquet_rows(raw: BinaryIO, path: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        file = pq.ParquetFile(raw)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a Parquet file, or a truncated one ({error})") from error
    try:
        column(dict.fromkeys(file.schema_arrow.names, ""), columns[0])
    except RowError as error:
        raise UserError(f"{path}: {error}") from error
    present = [name for name in columns if name in file.schema_arrow.names]
    try:
        for batch in file.iter_batches(columns=present):
            yield from batch.to_pylist()
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read to its end ({error})") from error
