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


@pytest.mark.parametrize(("kind", "name", "value"), KINDS)
def test_a_second_save_replaces_the_first_and_leaves_what_a_kill_left(
    kind: Any, name: str, value: Any, tmp_path: Path
) -> None:
    (tmp_path / f".{name}.part").write_text("half of a file")
    (tmp_path / name).write_text("old")
    kind(filepath=str(tmp_path / name)).save(value)
    assert (tmp_path / name).read_bytes() != b"old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_reader_meets_the_old_file_while_the_new_one_is_written(tmp_path: Path) -> None:
    seen: list[str] = []

    class Slow:
        """What looks at the file while it is written."""

        def to_csv(self, path_or_buf: Any, **_: Any) -> None:
            path_or_buf.write("new")
            seen.append((tmp_path / "t.csv").read_text())

    (tmp_path / "t.csv").write_text("old")
    CSVDataset(filepath=str(tmp_path / "t.csv")).save(Slow())
    assert seen == ["old"]
    assert (tmp_path / "t.csv").read_text() == "new"


def test_what_has_no_json_form_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "t.json"))
    dataset.save({"a": 1})
    with pytest.raises(DatasetError, match="not JSON serializable"):
        dataset.save({"a": object()})
    assert dataset.load() == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_an_empty_cell_alone_is_a_missing_value(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arm,rate\nNone,\nN/A,0.5\n")
    found = CSVDataset(filepath=str(tmp_path / "t.csv")).load()
    assert list(found.arm) == ["None", "N/A"]
    assert found.rate.isna().tolist() == [True, False]


def test_tables_have_no_index_column_and_texts_keep_their_line_ends(tmp_path: Path) -> None:
    CSVDataset(filepath=str(tmp_path / "t.csv")).save(TABLE)
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "arm,rate"
    text = TextDataset(filepath=str(tmp_path / "t.txt"))
    text.save("é\n\u2028b\n")
    assert (tmp_path / "t.txt").read_bytes() == "é\n\u2028b\n".encode()
    assert text.load() == "é\n\u2028b\n"


def test_a_remote_store_is_written_as_it_is(tmp_path: Path) -> None:
    """It puts a file in its place at once itself."""
    import fsspec

    JSONDataset(filepath="memory://study/t.json").save({"a": 1})
    assert JSONDataset(filepath="memory://study/t.json").load() == {"a": 1}
    assert [Path(name).name for name in fsspec.filesystem("memory").find("/")] == ["t.json"]
