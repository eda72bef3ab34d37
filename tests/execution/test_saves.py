"""Saves are gone on from where they are whole, and those that policy keeps are the only ones that stay."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.saves import MARK, keep_newest, kept_for_good, mark_whole, newest, verify

STEPS = st.sets(st.integers(1, 2_000), max_size=5)


def _save(folder: Path, step: int, *, whole: bool = True) -> Path:
    save = folder / str(step)
    (save / "model").mkdir(parents=True)
    (save / "model" / "weights").write_bytes(bytes(step % 7))
    if whole:
        mark_whole(save)
    return save


@settings(max_examples=25)
@given(whole=STEPS, parts=STEPS)
def test_the_newest_is_the_whole_one_of_the_highest_step(
    whole: set[int], parts: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("saves")
    for step in whole | parts:
        _save(folder, step, whole=step in whole)
    (folder / "latest.txt").write_text("5")
    (folder / "7.part").mkdir()
    assert newest(folder) == (folder / str(max(whole)) if whole else None)


@settings(max_examples=25)
@given(whole=STEPS, parts=STEPS, count=st.integers(1, 3), every=st.none() | st.integers(1, 9))
def test_what_stays_is_the_last_ones_multiples_and_parts_that_may_be_under_way(
    whole: set[int], parts: set[int], count: int, every: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("saves")
    for step in whole | parts:
        _save(folder, step, whole=step in whole)
    keep_newest(folder, count, every)
    left = {int(path.name) for path in folder.iterdir()}
    last = sorted(whole)[-count:]
    multiples = {step for step in whole if every and step % every == 0}
    assert left & whole == set(last) | multiples
    assert left - whole == {step for step in parts - whole if not last or step > last[0]}
    assert [int(path.name) for path in kept_for_good(folder, every)] == sorted(multiples)


def test_a_folder_that_is_not_there_has_no_save(tmp_path: Path) -> None:
    assert newest(tmp_path / "saves") is None and kept_for_good(tmp_path / "saves", 2) == []
    keep_newest(tmp_path / "saves", 1)


def test_the_layout_that_wrote_a_save_is_told(tmp_path: Path) -> None:
    save = _save(tmp_path, 5)
    assert verify(save) == {}
    mark_whole(save, {"dp": 2, "tp": 4})
    assert verify(save) == {"dp": 2, "tp": 4}


@pytest.mark.parametrize(
    ("damage", "has"),
    [("", "0 bytes"), ("ab", "2 bytes"), ("a" * 1_234, "1,234 bytes"), (None, "missing")],
    ids=["emptied", "truncated", "grown", "deleted"],
)
def test_a_file_of_another_size_is_named_with_both_and_the_way_out(
    tmp_path: Path, damage: str | None, has: str
) -> None:
    save = _save(tmp_path, 5)
    file = save / "model" / "weights"
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage)
    with pytest.raises(UserError) as error:
        verify(save)
    assert str(error.value) == f"{file}: {has}, but 5 bytes were saved; delete {save} to go on from another"


def test_a_folder_in_a_files_place_is_no_file(tmp_path: Path) -> None:
    save = _save(tmp_path, 5)
    (save / "model" / "weights").unlink()
    (save / "model" / "weights").mkdir()
    with pytest.raises(UserError, match="weights: missing"):
        verify(save)


def test_what_was_added_to_a_save_does_not_damage_it(tmp_path: Path) -> None:
    save = _save(tmp_path, 5)
    (save / "notes.txt").write_text("looked at")
    verify(save)


@pytest.mark.parametrize("text", ["", '{"files": {"model', "\x00\x00"])
def test_a_mark_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    save = _save(tmp_path, 5)
    (save / MARK).write_text(text)
    with pytest.raises(UserError, match=rf"5/{MARK}: not readable; delete .*/5 to go on from another"):
        verify(save)


def test_a_save_without_its_mark_is_not_readable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not readable"):
        verify(_save(tmp_path, 5, whole=False))


def test_a_mark_does_not_count_itself_so_that_a_save_can_be_marked_again(tmp_path: Path) -> None:
    save = _save(tmp_path, 5)
    first = (save / MARK).read_bytes()
    mark_whole(save)
    assert (save / MARK).read_bytes() == first
    assert json.loads(first)["files"] == {"model/weights": 5}
    assert [path.name for path in save.iterdir() if path.name.startswith(".")] == []
