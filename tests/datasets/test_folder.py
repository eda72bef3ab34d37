"""Folders as handles: moved into place at once, never half."""

import base64
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kedro.io import DatasetError

from alignment_pretraining.datasets import FiguresDataset, FolderDataset, ScratchDataset


def _folder(place: Path, **files: str) -> Path:
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name).write_text(text)
    return place


def test_saving_moves_and_loading_gives_the_path(tmp_path: Path) -> None:
    dataset = FolderDataset(str(tmp_path / "data/model"))
    made = _folder(tmp_path / "scratch/one", weights="1")
    dataset.save(made)
    assert (dataset.load() / "weights").read_text() == "1"
    assert not made.exists()


def test_saving_replaces_the_whole_folder(tmp_path: Path) -> None:
    dataset = FolderDataset(str(tmp_path / "model"))
    dataset.save(_folder(tmp_path / "a", weights="1", old="x"))
    dataset.save(_folder(tmp_path / "b", weights="2"))
    assert [path.name for path in dataset.load().iterdir()] == ["weights"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no folder at .*gone"):
        FolderDataset(str(tmp_path / "gone")).load()
    with pytest.raises(DatasetError, match="is not a folder"):
        FolderDataset(str(tmp_path / "model")).save(tmp_path / "gone")


def test_scratch_is_made_when_needed_and_is_no_output(tmp_path: Path) -> None:
    scratch = ScratchDataset(str(tmp_path / "scratch"))
    assert scratch.load().is_dir()
    with pytest.raises(DatasetError, match="not an output"):
        scratch.save(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than `tmp_path`."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        assert Path(folder).stat().st_dev != tmp_path.stat().st_dev
        yield Path(folder)


def test_results_may_lie_on_another_file_system(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "models").symlink_to(elsewhere)
    dataset = FolderDataset(str(tmp_path / "models/model"))
    for text in ("1", "2"):
        made = _folder(tmp_path / "scratch", weights=text)
        dataset.save(made)
        assert (dataset.load() / "weights").read_text() == text
        assert not made.exists()
    assert [path.name for path in elsewhere.iterdir()] == ["model"]


def test_what_was_there_stays_until_the_new_folder_is_whole(tmp_path: Path, elsewhere: Path) -> None:
    dataset = FolderDataset(str(elsewhere / "model"))
    dataset.save(_folder(tmp_path / "scratch", weights="1"))
    made = _folder(tmp_path / "scratch", weights="2")
    os.mkfifo(made / "pipe")  # cannot be copied
    with pytest.raises(DatasetError, match="pipe"):
        dataset.save(made)
    assert (dataset.load() / "weights").read_text() == "1"
    assert (made / "weights").read_text() == "2", "nothing is lost"


def test_what_a_killed_save_left_is_no_obstacle(tmp_path: Path) -> None:
    dataset = FolderDataset(str(tmp_path / "model"))
    dataset.save(_folder(tmp_path / "a", weights="1"))
    _folder(tmp_path / ".model.new", half="1")
    _folder(tmp_path / ".model.old", weights="0")
    dataset.save(_folder(tmp_path / "b", weights="2"))
    assert {path.name: path.read_text() for path in dataset.load().iterdir()} == {"weights": "2"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a")
    with pytest.raises(DatasetError, match="no folder at"):
        FolderDataset(str(tmp_path / "file")).load()
    with pytest.raises(DatasetError, match="is not a folder"):
        FolderDataset(str(tmp_path / "model")).save(tmp_path / "file")
    assert not FolderDataset(str(tmp_path / "file")).exists()


def test_a_folder_exists_once_it_is_saved_and_scratch_always_does(tmp_path: Path) -> None:
    dataset = FolderDataset(str(tmp_path / "deep/model"))
    assert not dataset.exists()
    dataset.save(_folder(tmp_path / "made"))
    assert dataset.exists()
    assert list(dataset.load().iterdir()) == []
    assert ScratchDataset(str(tmp_path / "scratch")).exists(), "its node needs no run for it"


def test_links_and_files_of_any_name_arrive(tmp_path: Path) -> None:
    made = _folder(tmp_path / "made", **{"ü ñ": "1", ".hidden": "2"})
    (made / "link").symlink_to("ü ñ")
    dataset = FolderDataset(str(tmp_path / "model"))
    dataset.save(made)
    assert sorted(path.name for path in dataset.load().iterdir()) == [".hidden", "link", "ü ñ"]
    assert (dataset.load() / "link").read_text() == "1"


@pytest.mark.parametrize(("figure", "shown"), [(None, "a"), ("b", "b"), ("c", "a")])
def test_the_figure_that_is_asked_for_is_shown_else_the_first(tmp_path: Path, figure: str | None, shown: str) -> None:
    dataset = FiguresDataset(str(tmp_path / "figures"))
    dataset.save(_folder(tmp_path / "made", **{"b.png": "b", "a.png": "a", "0.svg": "no PNG"}))
    assert base64.b64decode(str(dataset.preview(figure))).decode() == shown


def test_without_figures_nothing_is_shown(tmp_path: Path) -> None:
    assert str(FiguresDataset(str(tmp_path / "none")).preview()) == ""
