"""A reader meets a file whole or as it was, whatever happens while it is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.files import atomic_file, flush, numbered, write_atomically, write_text


def test_names_of_files_sort_by_number() -> None:
    assert [numbered(number, 100_000) for number in (0, 99_999)] == ["00000", "99999"]
    names = [numbered(number, 100_001) for number in (2, 10_000, 99_999, 100_000)]
    assert names == sorted(names)


@given(st.integers(1, 10**7), st.data())
def test_names_of_files_sort_as_their_numbers_do(count: int, data: st.DataObject) -> None:
    one, other = (data.draw(st.integers(0, count - 1)) for _ in range(2))
    assert (numbered(one, count) < numbered(other, count)) == (one < other)
    assert int(numbered(one, count)) == one


def test_what_is_half_written_is_not_seen(tmp_path: Path) -> None:
    target = tmp_path / "table"
    target.write_bytes(b"old")
    with atomic_file(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "table"
    target.write_bytes(b"old")

    def fail(part: Path) -> None:
        part.write_bytes(b"ne")
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        write_atomically(target, fail)
    assert target.read_bytes() == b"old"
    write_atomically(target, lambda part: part.write_bytes(b"new"))
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target], "what a failure left is written over"


def test_text_is_utf_8_with_the_line_ends_that_it_has(tmp_path: Path) -> None:
    target = tmp_path / "deep/er/text"
    write_text(target, "é\r\nü\n\u2028")
    assert target.read_bytes() == "é\r\nü\n\u2028".encode()


def test_a_text_that_is_no_unicode_leaves_what_was_there(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "text", "half a character: \ud800")
    assert (tmp_path / "text").read_text() == "old"


def test_a_whole_folder_is_flushed_and_links_to_nowhere_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/file").write_text("a")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    flush(tmp_path)
