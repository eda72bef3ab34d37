"""Tables are saved whole or moved into place, and load as a path."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError
from kedro_datasets.pandas import ParquetDataset

from alignment_pretraining.datasets import TableDataset

TABLE = pd.DataFrame({"id": ["a", "b"], "usd": [0.1, 0.2]})


def test_a_dataframe_is_saved_as_kedro_does(tmp_path: Path) -> None:
    TableDataset(filepath=str(tmp_path / "one.parquet")).save(TABLE)
    ParquetDataset(filepath=str(tmp_path / "other.parquet")).save(TABLE)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_a_file_is_moved_into_place(tmp_path: Path) -> None:
    made = tmp_path / "scratch.parquet"
    TABLE.to_parquet(made)
    dataset = TableDataset(filepath=str(tmp_path / "folder/table.parquet"))
    dataset.save(made)
    assert not made.exists()
    pd.testing.assert_frame_equal(pd.read_parquet(dataset.load()), TABLE)
    TABLE.iloc[:1].to_parquet(made)
    dataset.save(made)
    assert len(pd.read_parquet(dataset.load())) == 1


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no file at .*none\.parquet"):
        TableDataset(filepath=str(tmp_path / "none.parquet")).load()
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(DatasetError, match=r"no file at .*folder\.parquet"):
        TableDataset(filepath=str(tmp_path / "folder.parquet")).load()


def test_what_is_there_stays_when_there_is_nothing_to_move(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(TABLE)
    with pytest.raises(DatasetError):
        dataset.save(tmp_path / "gone.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(dataset.load()), TABLE)
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(TABLE.head(0))
    assert list(pd.read_parquet(dataset.load()).columns) == ["id", "usd"]
