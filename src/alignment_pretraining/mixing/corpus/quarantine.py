"""Invalid rows, with the reason, as a Parquet file that is written and gathered in batches."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.mixing.corpus.document import BadRow

NAME = "quarantine.parquet"
_SCHEMA = pa.schema([(field, pa.string()) for field in BadRow._fields])
_ROWS = 10_000


class QuarantineWriter:
    """Writes bad rows to `folder`; `count` is how many, `first` the reason of the first."""

    def __init__(self, folder: Path) -> None:
        self.count, self.first = 0, ""
        self._file = pq.ParquetWriter(folder / NAME, _SCHEMA)
        self._rows: list[BadRow] = []

    def add(self, row: BadRow) -> None:
        """Add a row."""
        self.first = self.first or row.reason
        self.count += 1
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self._flush()

    def close(self) -> None:
        """End the file."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        columns = [pa.array([row[n] for row in self._rows], pa.string()) for n in range(len(BadRow._fields))]
        self._file.write_table(pa.table(columns, schema=_SCHEMA))
        self._rows = []


def gather(folders: Iterable[Path], target: Path) -> Path:
    """One file `target` with the bad rows of all `folders`."""
    with pq.ParquetWriter(target, _SCHEMA) as file:
        for folder in folders:
            for batch in pq.ParquetFile(folder / NAME).iter_batches(_ROWS):
                file.write_batch(batch)
    return target
