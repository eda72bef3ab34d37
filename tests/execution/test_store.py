"""A finished task is known by all that it depends on, and only what is whole bears its name."""

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.store import (
    RECORD,
    finished,
    hard_link,
    keep_only,
    perform,
    task_fingerprint,
)


def write(texts: dict[str, str], folder: Path) -> dict[str, Any]:
    """Work that writes the files that it is told to."""
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {"written": len(texts)}


def test_a_fingerprint_tells_values_apart_that_python_takes_for_equal() -> None:
    values: list[Any] = [None, 0, False, 0.0, "0", "", [], {}, [0], "é", "e\u0301"]
    found = {task_fingerprint(write, value) for value in values} | {task_fingerprint(write)}
    assert len(found) == len(values) + 1
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in found)


def test_the_order_of_keys_decides_nothing_and_that_of_parts_does() -> None:
    assert task_fingerprint(write, {"a": 1, "b": 2}) == task_fingerprint(write, {"b": 2, "a": 1})
    assert task_fingerprint(write, "a", "b") != task_fingerprint(write, "b", "a")


def test_what_has_no_json_form_has_no_fingerprint() -> None:
    with pytest.raises(TypeError):
        task_fingerprint(write, {1, 2})


def test_a_finished_task_tells_what_its_work_told_and_lists_its_files(tmp_path: Path) -> None:
    perform(write, {"b.txt": "2", "a.txt": "1", "é.txt": "3"}, tmp_path / "key")
    found = finished(tmp_path / "key")
    assert found and found.told == {"written": 3}
    assert [path.name for path in found.files] == ["a.txt", "b.txt", "é.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_work_that_fails_leaves_the_result_before_it(tmp_path: Path) -> None:
    perform(write, {"a.txt": "1"}, tmp_path / "key")

    def fails(item: None, folder: Path) -> dict[str, Any]:
        (folder / "a.txt").write_text("half of")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        perform(fails, None, tmp_path / "key")
    assert (tmp_path / "key/a.txt").read_text() == "1" and finished(tmp_path / "key")


def test_a_task_made_again_has_nothing_of_the_one_before(tmp_path: Path) -> None:
    perform(write, {"a.txt": "1", "old.txt": "1"}, tmp_path / "key")
    part = tmp_path / f".key.{os.uname().nodename}.{os.getpid()}"
    part.mkdir()
    (part / "of a killed run").touch()
    perform(write, {"a.txt": "2"}, tmp_path / "key")
    found = finished(tmp_path / "key")
    assert found and [(path.name, path.read_text()) for path in found.files] == [("a.txt", "2")]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, r"the disk is full \(.*\); make room and run again: what is finished stays"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "Read-only file system; give yourself access, or work in a copy"),
        (errno.EACCES, "Permission denied; give yourself access"),
    ],
)
def test_a_fault_of_the_disk_is_told_with_the_store(tmp_path: Path, number: int, told: str) -> None:
    def fails(item: None, folder: Path) -> dict[str, Any]:
        raise OSError(number, os.strerror(number))

    with pytest.raises(UserError, match=f"^{tmp_path}: {told}"):
        perform(fails, None, tmp_path / "key")


def test_an_error_that_no_user_can_mend_is_raised_as_it_is(tmp_path: Path) -> None:
    def fails(item: None, folder: Path) -> dict[str, Any]:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    with pytest.raises(ConnectionResetError):
        perform(fails, None, tmp_path / "key")


def test_an_output_shares_the_file_and_its_damage_is_seen(tmp_path: Path) -> None:
    perform(write, {"a.txt": "1"}, tmp_path / "key")
    output = tmp_path / "output"
    hard_link(tmp_path / "key/a.txt", output)
    assert output.samefile(tmp_path / "key/a.txt")
    output.write_text("2")
    assert finished(tmp_path / "key") is None


def test_where_a_file_system_has_no_links_an_output_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    perform(write, {"a.txt": "1"}, tmp_path / "key")
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    hard_link(tmp_path / "key/a.txt", tmp_path / "output")
    assert (tmp_path / "output").read_text() == "1"
    assert not (tmp_path / "output").samefile(tmp_path / "key/a.txt")


def test_a_store_keeps_what_it_is_asked_to_and_files_that_are_no_tasks(tmp_path: Path) -> None:
    for name in ("wanted", "earlier", ".earlier.host.17"):
        perform(write, {"a.txt": "1"}, tmp_path / name)
    (tmp_path / "notes.txt").touch()
    keep_only(tmp_path, {"wanted", "not yet there"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "wanted"]


@pytest.mark.parametrize("text", ["", "[", '{"told": {}, "files"', "\x00" * 64])
def test_a_record_that_a_crash_tore_is_no_finished_task(tmp_path: Path, text: str) -> None:
    perform(write, {"a.txt": "1"}, tmp_path / "key")
    (tmp_path / "key" / RECORD).write_text(text)
    assert finished(tmp_path / "key") is None


def test_nothing_is_finished_where_there_is_nothing(tmp_path: Path) -> None:
    assert finished(tmp_path / "key") is None
