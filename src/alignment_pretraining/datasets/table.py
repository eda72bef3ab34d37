"""Tables that may be too big for memory while they are made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from kedro.io import DatasetError

from alignment_pretraining.core.files import flush
from alignment_pretraining.datasets.whole import ParquetDataset


class TableDataset(ParquetDataset):
    """A Parquet file, saved from a DataFrame or by moving the given file into place; loading gives its path."""

    def save(self, data: pd.DataFrame | Path) -> None:
        """Write the table, or flush the file `data` to disk and move it into place."""
        if isinstance(data, pd.DataFrame):
            super().save(data)
            return
        target = Path(self._filepath)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.move(data, part)  # copies to another file system
        flush(part)
        part.replace(target)

    def load(self) -> Path:
        """Path of the file, to be read in batches.

        Raises:
            DatasetError: there is no such file.
        """
        path = Path(self._filepath)
        if not path.is_file():
            raise DatasetError(f"no file at {path}")
        return path
