"""Kedro's own datasets of single files, saved so that a reader never meets half of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import kedro_datasets.json
import kedro_datasets.text

from alignment_pretraining.core.files import flush


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Let imports of a module that is not loaded yet fail meanwhile."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # Python's own way to say so
    try:
        yield
    finally:
        del sys.modules[module]


# Its SQL types, tried on import and else left until they are asked for, load SQLAlchemy: a tenth of a command's time.
with _without("sqlalchemy"):
    import kedro_datasets.pandas


class _Whole:
    """Mixed into a dataset: it saves to a neighbour, which takes the file's name once it is on disk."""

    _filepath: PurePosixPath
    _protocol: str
    _part: PurePosixPath | None = None

    def save(self, data: Any) -> None:
        """Write `data` beside the file, flush it, and put it in the file's place; remote stores do that themselves."""
        if self._protocol != "file":
            super().save(data)  # type: ignore[misc]
            return
        target = Path(self._filepath)
        self._part = self._filepath.with_name(f".{target.name}.part")
        try:
            super().save(data)  # type: ignore[misc]
            flush(Path(self._part))
            Path(self._part).replace(target)
        finally:
            Path(self._part).unlink(missing_ok=True)
            self._part = None

    def _get_save_path(self) -> PurePosixPath:
        return self._part or super()._get_save_path()  # type: ignore[misc]


class CSVDataset(_Whole, kedro_datasets.pandas.CSVDataset):  # type: ignore[misc] # kedro-datasets has no types
    """A table as CSV; an empty cell alone is a missing value, so that an arm may be called anything."""

    DEFAULT_LOAD_ARGS: ClassVar[dict[str, Any]] = {"keep_default_na": False, "na_values": [""]}
    DEFAULT_SAVE_ARGS: ClassVar[dict[str, Any]] = {"index": False}


class ParquetDataset(_Whole, kedro_datasets.pandas.ParquetDataset):  # type: ignore[misc]
    """A table as Parquet."""


class JSONDataset(_Whole, kedro_datasets.json.JSONDataset):  # type: ignore[misc]
    """A value as JSON."""


class TextDataset(_Whole, kedro_datasets.text.TextDataset):  # type: ignore[misc]
    """A text, such as a page."""
