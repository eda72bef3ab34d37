"""JSONL and Parquet files, local or at any fsspec URL, read row by row."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
import pyarrow as pa

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_md5
from alignment_pretraining.mixing.corpus.config import Files
from alignment_pretraining.mixing.corpus.document import BadRow, Document, RowError
from alignment_pretraining.mixing.corpus.parquet import open_parquet, record_batches

_log = logging.getLogger(__name__)

_PACKED = (".gz", ".zst")
_KINDS = (*(kind + packed for kind in (".jsonl", ".json") for packed in ("", *_PACKED)), ".parquet")
_WILD = re.compile(r"[*?\[]")
_CHUNK = 1 << 22
# Rows of a Parquet file that are read together, whatever their size.
_ROWS = 16
# Characters of a row's column names that are told.
_TOLD = 200
# A longer line is no row: memory must not grow with what a file holds.
_LONGEST_LINE = 1 << 28
# Nor one of more values, which take up to 70 bytes each; commas are counted, of which a text has few.
_MOST_VALUES = 1 << 24
# What editors and exports of some systems write before UTF-8.
_MARK = b"\xef\xbb\xbf"


class File(NamedTuple):
    """A file of a source: `path` on its file system, `name` in the corpus, `state` a hash of its content or, of a
    remote one, of what its file system says of it."""

    path: str
    name: str
    state: str


def find_files(spec: Files) -> list[File]:
    """The files that match, in the order of their names, which are relative to the folder that has no wildcard.

    A folder stands for all files in it. Where a name may end in anything, files of other kinds are left out. What there
    is by this very name on this machine is meant, though it has brackets.

    Raises:
        UserError: no file matches, one is of an unknown kind or has a name that is not UTF-8, or the place cannot be
            reached.
    """
    import fsspec

    try:
        filesystem, pattern = fsspec.core.url_to_fs(spec.files)
        local = "file" in filesystem.protocol
        if local:
            from alignment_pretraining.mixing.corpus.linked import LinkedFolders

            filesystem = LinkedFolders()
        is_folder = local and Path(pattern).is_dir()
        if local and Path(pattern).exists():
            root = pattern if is_folder else str(Path(pattern).parent)
            found = filesystem.find(pattern, detail=True)
        else:
            root = _WILD.split(pattern, maxsplit=1)[0].rpartition("/")[0]
            found = filesystem.glob(pattern, detail=True)
        paths = sorted(path for path, about in found.items() if about["type"] != "directory")
        known = [path for path in paths if path.endswith(_KINDS)]
        if known and len(known) < len(paths) and (is_folder or pattern.endswith(("*", "]", "?"))):
            others = sorted(set(paths) - set(known))
            _log.warning("%s: %s files of other kinds are left out, such as %s", spec.files, len(others), others[0])
            paths = known
        states = [file_md5(Path(path)) if local else str(filesystem.ukey(path)) for path in paths]
    except Exception as error:  # each file system raises its own
        raise UserError(f"corpus.sources: {spec.files} cannot be read ({type(error).__name__}: {error})") from error
    if not paths:
        raise UserError(f"corpus.sources: no file matches {spec.files}")
    unknown = [path for path in paths if not path.endswith(_KINDS)]
    if unknown:
        raise UserError(f"{unknown[0]}: unknown kind of file; allowed are {', '.join(_KINDS)}")
    for path in paths:
        if path.encode(errors="replace").decode() != path:
            raise UserError(f"corpus.sources: the name {path!r} is not UTF-8; rename the file")
    start = len(root.rstrip("/")) + 1
    return [File(path, path[start:], state) for path, state in zip(paths, states, strict=True)]


def read_file(spec: Files, file: File) -> Iterator[Document | BadRow]:
    """The rows of a file. They count from 1, and without an `id` column their number is their id.

    Raises:
        UserError: the file is truncated, cannot be read, or is a Parquet file without the columns.
    """
    import fsspec

    filesystem, _ = fsspec.core.url_to_fs(spec.files)
    rows = _parquet_rows if file.path.endswith(".parquet") else _json_rows
    with filesystem.open(file.path, "rb") as raw:
        for row, record in rows(raw, file.path, spec):
            try:
                if isinstance(record, RowError):
                    raise record
                text = column(record, spec.text)
                key = f"{file.name}:{row}" if spec.id is None else str(column(record, spec.id, (str, int)))
                yield Document(key, text, file.name)
            except RowError as error:
                yield BadRow(file.path, str(row), str(error))


def column(record: Any, name: str, kinds: tuple[type, ...] = (str,)) -> Any:
    """The value at `name` in a row.

    Raises:
        RowError: there is none, or it is of another type.
    """
    if not isinstance(record, dict) or name not in record:
        have = ", ".join(record) if isinstance(record, dict) else "no columns"
        have = have if len(have) <= _TOLD else f"{have[:_TOLD]}…"
        raise RowError(f"no column '{name}' (it has {have}); set `text` and `id` in corpus.sources")
    value = record[name]
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise RowError(f"column '{name}' is {type(value).__name__}, not {wanted}")
    return value


def _json_rows(raw: BinaryIO, path: str, _spec: Files) -> Iterator[tuple[int, Any]]:
    """Number and content of each line; in place of what is not JSON, the error."""
    for row, line in enumerate(_lines(raw, path), start=1):
        line = line.removeprefix(_MARK)
        if len(line) > _MOST_VALUES and line.count(b",") > _MOST_VALUES:
            yield row, RowError(f"more than {_MOST_VALUES:,} values or commas")
            continue
        try:
            yield row, orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if line.strip():
                yield row, _not_json(line, error)


def _lines(raw: BinaryIO, path: str) -> Iterator[bytes]:
    row = 0
    begun: list[bytes] = []  # the pieces of a line whose end is still to come
    size = 0
    try:
        stream = _decompressed(raw, path)
        while chunk := stream.read(_CHUNK):
            first, *lines = chunk.split(b"\n")
            begun.append(first)
            size += len(first)
            if lines:
                lines.insert(0, b"".join(begun))
                begun = [lines.pop()]
                size = len(begun[0])
                row += len(lines)
            if size > _LONGEST_LINE:
                raise ValueError(f"row {row + 1} has more than {_LONGEST_LINE:,} bytes")
            yield from lines
        if path.endswith(_PACKED) and raw.tell() == 0:
            raise EOFError("not a byte in it")
    except Exception as error:  # truncated streams and lost connections are told in many ways
        why = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: cannot be read beyond row {row} ({why}); is the file truncated?") from error
    yield b"".join(begun)


def _decompressed(raw: BinaryIO, path: str) -> Any:
    if path.endswith(".gz"):
        from isal import igzip  # 2.9 times as fast as zlib

        return igzip.open(raw, "rb")
    # Arrow reports a truncated stream; the zstandard package ends silently.
    return pa.input_stream(raw, compression="zstd" if path.endswith(".zst") else None)


def _not_json(line: bytes, error: orjson.JSONDecodeError) -> RowError:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as encoding:
        return _not_utf8(encoding)
    return RowError(f"not JSON ({error})")


def _not_utf8(error: UnicodeDecodeError) -> RowError:
    return RowError(f"not UTF-8 ({error.reason} at byte {error.start})")


def _parquet_rows(raw: BinaryIO, path: str, spec: Files) -> Iterator[tuple[int, Any]]:
    try:
        file = open_parquet(raw)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a Parquet file, or a truncated one ({error})") from error
    names = file.schema_arrow.names
    wanted = [name for name in (spec.text, spec.id) if name is not None]
    try:
        for name in wanted:
            column(dict.fromkeys(names, ""), name)
    except RowError as error:
        raise UserError(f"{path}: {error}") from error
    row = 0
    try:
        for batch in record_batches(file, wanted, _ROWS):
            yield from enumerate(_records(batch), start=row + 1)
            row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: cannot be read beyond row {row} ({error})") from error


def _records(batch: pa.RecordBatch) -> Iterator[Any]:
    """Rows of a Parquet file; in place of one that is not UTF-8, the error."""
    try:
        records = batch.to_pylist()
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            yield _not_utf8(error)
        else:
            for row in range(batch.num_rows):
                yield from _records(batch.slice(row, 1))
    else:
        yield from records
