"""Hashes are kept between runs, and a changed file is never taken for the one that was read."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alignment_pretraining.core import digests, hashing
from alignment_pretraining.core.hashing import dvc_hash, file_md5, file_sha256, folder_md5s

AGED = 0.06  # seconds, after which a change shows in a file's times


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache is."""
    monkeypatch.setenv("ALIGNMENT_PRETRAINING_DIGESTS", "")  # put back after the test
    digests.use_cache(tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    read: list[str] = []

    def noting(compute: Callable[[Path], str]) -> Callable[[Path], str]:
        def noted(path: Path) -> str:
            read.append(path.name)
            return compute(path)

        return noted

    for name in ("_read_md5", "_read_sha256"):
        monkeypatch.setattr(hashing, name, noting(getattr(hashing, name)))
    return read


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "file"
    path.write_text("content")
    time.sleep(AGED)
    yield path


def test_a_file_is_read_once_for_each_kind_of_hash(folder: Path, reads: list[str], file: Path) -> None:
    assert {file_md5(file) for _ in range(3)} == {"9a0364b9e99bb480dd25e1f0284c8555"}
    assert len({file_sha256(file) for _ in range(3)}) == 1
    assert reads == ["file", "file"]
    file_md5(file, trust_cache=False)
    assert len(reads) == 3


def test_folders_are_read_once(folder: Path, reads: list[str], file: Path) -> None:
    inner = file.parent / "sub"
    inner.mkdir()
    for name in "ab":
        (inner / name).write_text(name)
    time.sleep(AGED)
    assert dvc_hash(inner) == dvc_hash(inner)
    assert folder_md5s(inner)["a"] == file_md5(inner / "a")
    assert sorted(reads) == ["a", "b"]


def _same_size(path: Path) -> None:
    path.write_text("CONTENT")


def _same_size_and_time(path: Path) -> None:
    found = path.stat()
    path.write_text("CONTENT")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _another_in_its_place(path: Path) -> None:
    found = path.stat()
    other = path.with_name("other")
    other.write_text("CONTENT")
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(path)


def _longer(path: Path) -> None:
    path.write_text("content and more")


@pytest.mark.parametrize("change", [_same_size, _same_size_and_time, _another_in_its_place, _longer])
def test_every_change_is_noticed(folder: Path, file: Path, change: Callable[[Path], None]) -> None:
    before = file_md5(file)
    change(file)
    changed = file_md5(file)
    assert changed != before
    assert changed == file_md5(file, trust_cache=False)


def test_changes_at_once_are_noticed(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "quick"
    for size in (4, 1 << 21):
        for turn in range(20):
            path.write_bytes(bytes([turn]) * size)
            assert file_md5(path) == file_md5(path, trust_cache=False)


def test_a_big_file_that_was_just_written_is_read_once(folder: Path, reads: list[str], tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(1 << 21))
    file_md5(path)
    file_md5(path)
    assert reads == ["big"]


def _garbage(folder: Path) -> None:
    for journal in folder.glob("*.sqlite-*"):
        journal.unlink()
    next(folder.glob("*.sqlite")).write_bytes(b"no database" * 1000)


def _directory(folder: Path) -> None:
    path = next(folder.glob("*.sqlite"))
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_garbage, _directory])
def test_a_damaged_cache_costs_time_and_nothing_else(
    folder: Path, file: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    expected = file_md5(file)
    damage(folder)
    digests._store.cache_clear()  # as in a new process
    assert [file_md5(file), file_md5(file)] == [expected, expected]
    assert str(folder) in caplog.text


def test_a_place_that_cannot_be_written_costs_time_and_nothing_else(folder: Path, tmp_path: Path, file: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    digests.use_cache(tmp_path / "blocked")
    assert file_md5(file) == file_md5(file)


def test_without_a_cache_nothing_is_written(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIGNMENT_PRETRAINING_DIGESTS", raising=False)
    file_md5(file)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_processes_share_it(folder: Path, reads: list[str], tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for number in range(200):
        (files / str(number)).write_text(str(number))
    time.sleep(AGED)
    program = "import sys; from pathlib import Path; from alignment_pretraining.core.hashing import dvc_hash\n"
    program += "print(dvc_hash(Path(sys.argv[1])))"
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(files)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = {process.communicate()[0].strip() for process in started}
    assert told == {dvc_hash(files)}
    assert reads == []


def test_a_link_is_not_read_and_a_change_by_either_name_shows(folder: Path, reads: list[str], file: Path) -> None:
    before = file_md5(file)
    other = file.with_name("other")
    digests.link_with_hashes(file, other)
    assert file_md5(file) == file_md5(other) == before
    assert reads == ["file"]
    time.sleep(AGED)
    kept = other.stat()
    other.write_text("CONTENT")
    os.utime(other, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert file_md5(file) == file_md5(other) != before


def test_a_text_about_a_folder_holds_until_any_of_its_files_changes(folder: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text("a")
    (tree / "b.py").write_text("b")
    computed: list[str] = []

    def text(what: str = "content") -> str:
        def compute() -> str:
            computed.append(what)
            return "".join(path.read_text() for path in sorted(tree.glob("*.py")))

        return digests.CachedTree(tree).text(what, compute)

    assert text() == "ab"  # not kept: what was written just now may be written again within the clock's tick
    time.sleep(AGED)
    text(), text("more")
    computed.clear()
    assert text() == text("more") == "ab"
    assert computed == []
    (tree / "b.py").write_text("c")
    assert text() == "ac"
    (tree / "d.py").write_text("d")
    assert text() == "acd"
    time.sleep(AGED)
    text()
    computed.clear()
    assert text() == "acd"
    assert computed == []
    (tree / "a.py").unlink()
    assert text() == "cd"


def test_a_folder_that_is_moved_or_removed_leaves_nothing_to_read_again(
    folder: Path, reads: list[str], tmp_path: Path
) -> None:
    """A file is made, linked into an output, the output moved into place and then replaced by the next one."""
    made = tmp_path / "task/file"
    made.parent.mkdir()
    made.write_text("content")
    time.sleep(AGED)
    digest = file_md5(made)
    digests.move_with_hashes(tmp_path / "task", tmp_path / "done")
    made = tmp_path / "done/file"
    for number in range(3):
        output = tmp_path / f"output{number}"
        output.mkdir()
        digests.link_with_hashes(made, output / "file")
        digests.remove_with_hashes(tmp_path / "place")
        digests.move_with_hashes(output, tmp_path / "place")
        assert file_md5(made) == file_md5(tmp_path / "place/file") == digest
    assert reads == ["file"]
    digests.remove_with_hashes(tmp_path / "nothing")
    (tmp_path / "place/file").write_text("another")
    assert file_md5(made) == file_md5(tmp_path / "place/file") != digest
