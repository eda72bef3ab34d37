"""JSONL and Parquet files, local or at any fsspec URL, read row by row."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.corpus.config import Files
from alignment_pretraining.corpus.document import Document
from alignment_pretraining.errors import UserError

_JSONL = {".jsonl": None, ".jsonl.gz": "gzip", ".jsonl.zst": "zstd"}
_ALLOWED = ", ".join([*_JSONL, ".parquet"])


def read_files(spec: Files) -> Iterator[Document]:
    """The rows of all matching files, in the order of their sorted names. Rows count from 1.

    Raises:
        UserError: no file matches; a file is truncated or of an unknown kind; a row is not UTF-8 or not JSON, or has
            no text; the message names file and row.
    """
    import fsspec

    filesystem, pattern = fsspec.core.url_to_fs(spec.files)
    paths = sorted(filesystem.glob(pattern))
    if not paths:
        raise UserError(f"corpus.sources: no file matches {spec.files}")
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        with filesystem.open(path, "rb") as raw:
            for row, record in _rows(raw, path, [column for column in (spec.text, spec.id) if column]):
                text, key = column(record, spec.text, path, row), f"{name}:{row}"
                if spec.id is not None:
                    key = column(record, spec.id, path, row, (str, int))
                yield Document(str(key), text, name)


def column(record: Any, name: str, where: str, row: int, kinds: tuple[type, ...] = (str,)) -> Any:
    """The value at `name` in a row.

    Raises:
        UserError: there is none, or it is of another type; names file and row.
    """
    if not isinstance(record, dict) or name not in record:
        have = ", ".join(record) if isinstance(record, dict) else "no columns"
        raise UserError(f"{where} row {row}: no column '{name}' (it has {have}); set `text` and `id` in corpus.sources")
    if not isinstance(record[name], kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        found = type(record[name]).__name__
        raise UserError(f"{where} row {row}: column '{name}' is {found}, not {wanted}; mend or drop the row")
    return record[name]


def _rows(raw: BinaryIO, path: str, columns: list[str]) -> Iterator[tuple[int, Any]]:
    if path.endswith(".parquet"):
        yield from enumerate(_parquet_rows(raw, path, columns), start=1)
        return
    codecs = [codec for suffix, codec in _JSONL.items() if path.endswith(suffix)]
    if not codecs:
        raise UserError(f"{path}: unknown kind of file; allowed are {_ALLOWED}")
    for row, line in enumerate(_lines(raw, codecs[0], path), start=1):
        if line.strip():
            yield row, _parse(line, path, row)


def _lines(raw: BinaryIO, codec: str | None, path: str) -> Iterator[bytes]:
    # Arrow reports a truncated stream for both codecs; the zstandard package ends silently.
    row = 0
    try:
        for line in io.BufferedReader(pa.input_stream(raw, compression=codec), 1 << 20):
            row += 1
            yield line
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read beyond row {row} ({error}); is the file truncated?") from error


def _parse(line: bytes, path: str, row: int) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as encoding:
            raise UserError(f"{path} row {row}: not UTF-8 ({encoding.reason} at byte {encoding.start})") from error
        raise UserError(f"{path} row {row}: not JSON ({error})") from error


def _parquet_rows(raw: BinaryIO, path: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        file = pq.ParquetFile(raw)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a Parquet file, or a truncated one ({error})") from error
    column(dict.fromkeys(file.schema_arrow.names, ""), columns[0], path, 1)
    present = [name for name in columns if name in file.schema_arrow.names]
    try:
        for batch in file.iter_batches(columns=present):
            yield from batch.to_pylist()
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read to its end ({error})") from error
