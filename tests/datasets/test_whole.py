"""Files are whole or as they were, whatever happens while they are written, and tables keep their words."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError

from alignment_pretraining.datasets import CSVDataset, JSONDataset, ParquetDataset, TextDataset

TABLE = pd.DataFrame({"arm": ["NA", "null", "nan"], "rate": [0.5, float("nan"), 1.0]})
KINDS = [
    (CSVDataset, "t.csv", TABLE),
    (ParquetDataset, "t.parquet", TABLE),
    (JSONDataset, "t.json", {"a": [1, None]}),
    (TextDataset, "t.html", "a page"),
]


@pytest.mark.parametrize(("kind", "name", "value"), KINDS)
def test_what_is_saved_is_loaded_and_nothing_is_left_beside_it(
    kind: Any, name: str, value: Any, tmp_path: Path
) -> None:
    dataset = kind(filepath=str(tmp_path / "deep" / name))
    dataset.save(value)
    found = dataset.load()
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(found, value)
    else:
        assert found == value
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [name]


class Broken:
    """What cannot be written to its end."""

    def to_csv(self, path_or_buf: Any, **_: Any) -> None:
        path_or_buf.write("arm,ra")
        raise OSError("no space left on device")


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    dataset = CSVDataset(filepath=str(tmp_path / "t.csv"))
    dataset.save(TABLE)
    before = (tmp_path / "t.csv").read_bytes()
    with pytest.raises(DatasetError, match="no space left"):
        dataset.save(Broken())
    assert (tmp_path / "t.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    dataset.save(TABLE.head(1))
    assert len(dataset.load()) == 1
