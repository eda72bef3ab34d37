"""Fingerprints are those that DVC writes, so that records, `dvc.lock` and MLflow name the same content alike."""

import subprocess
from pathlib import Path

import pytest
import yaml

from alignment_pretraining.core.hashing import dvc_hash, json_md5
from tests.lineage.lineage_project import environment


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _run(tmp_path, "dvc", "init", "-q", "--no-scm")
    (tmp_path / ".dvcignore").write_text("__pycache__\n")
    return tmp_path


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


def _by_dvc(path: Path) -> str:
    _run(path.parent, "dvc", "add", "-q", path.name)
    return str(yaml.safe_load(path.with_name(f"{path.name}.dvc").read_text())["outs"][0]["md5"])


def test_file(repository: Path) -> None:
    path = repository / "file.txt"
    path.write_bytes(b"some text\r\nwith two kinds\nof line ends\n")
    assert dvc_hash(path) == _by_dvc(path)


def test_folder(repository: Path) -> None:
    folder = repository / "folder"
    names = ["b.txt", "a/b.txt", "a.txt", "a-b/c.txt", "é/ü ñ.txt", "empty", "A.txt", "deep/er/still/x.bin", ".hidden"]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "empty" else bytes([number]) * 1000)
    before = dvc_hash(folder)
    (folder / "a" / "__pycache__").mkdir()
    (folder / "a" / "__pycache__" / "b.cpython-311.pyc").write_bytes(b"compiled")
    assert dvc_hash(folder) == before == _by_dvc(folder)
    assert before.endswith(".dir")
    assert len(before) <= 36, "MLflow cuts longer digests off"


def test_what_changes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    seen = {dvc_hash(tmp_path)}
    (tmp_path / "x").write_text("2")
    seen.add(dvc_hash(tmp_path))
    (tmp_path / "x").rename(tmp_path / "y")
    seen.add(dvc_hash(tmp_path))
    (tmp_path / "z").write_text("")
    seen.add(dvc_hash(tmp_path))
    assert len(seen) == 4


def test_a_linked_folder_counts_as_what_is_in_it_and_one_that_leads_back_does_not(tmp_path: Path) -> None:
    for place in ("plain/b", "linked", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("plain/b", "elsewhere"):
        (tmp_path / place / "x").write_text("1")
    (tmp_path / "linked/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "elsewhere")
    assert dvc_hash(tmp_path / "linked") == dvc_hash(tmp_path / "plain")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dvc_hash(tmp_path / "none")


def test_values_are_compared_without_order_of_keys() -> None:
    assert json_md5({"a": 1, "b": [1, 2]}) == json_md5({"b": [1, 2], "a": 1})
    assert json_md5({"a": [1, 2]}) != json_md5({"a": [2, 1]})
    with pytest.raises(TypeError):
        json_md5({"a": object()})
