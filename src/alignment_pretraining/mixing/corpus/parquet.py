"""Parquet files read some megabytes at a time, whatever the size of their row groups and of their rows."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

# What a batch holds at most: rows, and bytes where the rows of a row group are of about one size.
_ROWS, _BYTES = 4096, 1 << 23
# What is read from disk at a time; else Arrow would read all of a column's row group first.
_BUFFER = 1 << 20


def open_parquet(source: Path | BinaryIO) -> pq.ParquetFile:
    """A Parquet file of which only what is asked for is in memory."""
    return pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)


def record_batches(file: pq.ParquetFile, columns: Sequence[str], most: int = _ROWS) -> Iterator[pa.RecordBatch]:
    """All rows in order, at most `most` at a time: fewer, by powers of two, where a row group says that its rows are
    large. A row group of which few rows are large, or that has a large one many times, says no such thing."""
    for rows, groups in groupby(range(file.num_row_groups), lambda number: min(most, _rows(file, number))):
        yield from file.iter_batches(rows, row_groups=list(groups), columns=list(columns), use_threads=False)


def _rows(file: pq.ParquetFile, number: int) -> int:
    group = file.metadata.row_group(number)
    fitting = _BYTES * group.num_rows // max(group.total_byte_size, 1)
    return int(min(_ROWS, 1 << (max(fitting, 1).bit_length() - 1)))
