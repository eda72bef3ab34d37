"""A user's own texts: what odd files give, and that nothing of a text is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.questions.sources import SourceText, read_sources
from tests.synthesis.api.test_suites import PDF


def read(folder: Path, name: str, content: str | bytes, limit: int = 1000) -> list[SourceText]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_sources(folder, limit)


def text_of(folder: Path, name: str, content: str | bytes) -> str:
    return "\n\n".join(source.text for source in read(folder, name, content))


words = st.text("ab \n.", min_size=1, max_size=80)
rows = st.text('ab \u2028\u2029\x85\x0c\x1e\r\n"\\{\u00e9\U0001f600', max_size=20).filter(str.strip)


@settings(max_examples=50)
@given(text=words.filter(str.strip), limit=st.integers(1, 20))
def test_parts_hold_every_word_and_none_is_too_long(
    tmp_path_factory: pytest.TempPathFactory, text: str, limit: int
) -> None:
    parts = read(tmp_path_factory.mktemp("sources"), "articles/a.txt", text, limit)
    assert [part.part for part in parts] == list(range(len(parts)))
    assert all(1 <= len(part.text) <= limit for part in parts)
    assert "".join("".join(part.text for part in parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("limit", "parts"), [(5, ["aa", "bb", "cc"]), (6, ["aa\n\nbb", "cc"]), (100, ["aa\n\nbb\n\ncc"])]
)
def test_paragraphs_share_a_part_as_far_as_they_fit(tmp_path: Path, limit: int, parts: list[str]) -> None:
    """With two letters each, and the blank line between them."""
    found = read(tmp_path, "articles/a.txt", "aa\n \nbb\n\n\ncc", limit)
    assert [part.text for part in found] == parts


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two", "One\n\nTwo"),
        ("<li>One<li>Two", "One\n\nTwo"),
        ("<p>One\n   <i>and</i>\ttwo</p>", "One and two"),
        ("caf&eacute; &lt;3 &#8212; &amp;c", "caf\u00e9 <3 \u2014 &c"),
        ("<nav>Menu</nav><p>One</p><footer>Us</footer>", "One"),
        ("<style>p {}</style><script>if (a < b) { x() }</script>One", "One"),
        ("<!-- not this -->One", "One"),
        ("One</nav><nav>Menu</nav>", "One"),
        ("<html><head><title>T</title><body><p>One</p></body></html>", "One"),
        ("<head><title>T</title></head><body>One", "One"),
    ],
)
def test_the_text_of_a_page_is_what_a_reader_sees(tmp_path: Path, page: str, text: str) -> None:
    assert text_of(tmp_path, "articles/a.html", page) == text


@pytest.mark.parametrize("suffix", [".htm", ".HTML"])
def test_a_page_is_known_by_its_ending_in_any_case(tmp_path: Path, suffix: str) -> None:
    assert text_of(tmp_path, f"articles/a{suffix}", "<p>One") == "One"


@settings(max_examples=50)
@given(texts=st.lists(rows, min_size=1, max_size=4))
def test_rows_of_jsonl_hold_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Also separators of lines that are none of JSON's."""
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    found = read(tmp_path_factory.mktemp("sources"), "articles/a.jsonl", lines, 10_000)
    by_row: dict[str, str] = {}
    for source in found:
        by_row[source.name] = by_row.get(source.name, "") + source.text
    assert list(by_row) == [f"a_{row}" for row in range(1, len(texts) + 1)]
    for told, text in zip(by_row.values(), texts, strict=True):
        assert "".join(told.split()) == "".join(text.split())


@pytest.mark.parametrize(
    "row", ["[1]", '"text"', "null", "{", '{"text": 3}', '{"text": null}', "[" * 100_000, "9" * 5000]
)
def test_a_row_of_another_form_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(UserError, match=r"a\.jsonl, row 2: .*(?:correct or remove)"):
        read(tmp_path, "articles/a.jsonl", f'{{"text": "one"}}\n{row}\n')


@pytest.mark.parametrize("end", range(0, len(PDF), 60))
def test_a_pdf_that_was_cut_off_is_read_or_named(tmp_path: Path, end: int) -> None:
    try:
        found = text_of(tmp_path, "articles/a.pdf", PDF[:end])
        assert found in ("", "Lighthouse keepers log")
    except UserError as error:
        assert "a.pdf: not a readable PDF" in str(error) or "no text here" in str(error)


def test_a_text_is_called_after_its_file_and_belongs_to_its_folder_s_split(tmp_path: Path) -> None:
    read(tmp_path, "textbook/deep/Chapter 2 (new).md", "One")
    read(tmp_path, "heldout_topics/\u8ad6\u6587.txt", "Two")
    found = {source.name: (source.split, source.file) for source in read_sources(tmp_path, 100)}
    assert found == {
        "chapter_2_new": ("textbook", "textbook/deep/Chapter 2 (new).md"),
        "text": ("heldout_topics", "heldout_topics/\u8ad6\u6587.txt"),
    }


@pytest.mark.parametrize("other", ["textbook/Essay.txt", "articles/essay.md", "articles/essay!.txt"])
def test_two_texts_of_one_name_are_refused(tmp_path: Path, other: str) -> None:
    read(tmp_path, "articles/essay.txt", "One")
    with pytest.raises(UserError, match=r"a text named essay is also in .*; rename one"):
        read(tmp_path, other, "Two")


def test_a_row_can_take_the_name_of_a_file(tmp_path: Path) -> None:
    read(tmp_path, "articles/a_1.txt", "One")
    with pytest.raises(UserError, match="a text named a_1 is also in"):
        read(tmp_path, "articles/a.jsonl", '{"text": "Two"}')


@pytest.mark.parametrize(
    ("licences", "told"),
    [
        ({}, "unknown"),
        ({"LICENSE": "CC0\nfor all"}, "CC0"),
        ({"LICENSE": "CC0", "articles/LICENSE": "\n  MIT  \n"}, "MIT"),
        ({"LICENSE": "CC0", "articles/deep/LICENSE": "MIT"}, "MIT"),
        ({"LICENSE": "CC0", "articles/other/LICENSE": "MIT"}, "CC0"),
        ({"LICENSE": "CC0", "articles/LICENSE": "\n\n"}, "unknown"),
    ],
)
def test_the_nearest_licence_is_that_of_a_text(tmp_path: Path, licences: dict[str, str], told: str) -> None:
    (tmp_path / "LICENSE").write_text("outside")
    for name, text in licences.items():
        (tmp_path / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sources" / name).write_text(text)
    [found] = read(tmp_path / "sources", "articles/deep/a.txt", "One")
    assert found.licence == told


def test_a_licence_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_bytes(b"\xa9 us")
    with pytest.raises(UserError, match="LICENSE: byte 0 is not UTF-8"):
        read(tmp_path, "articles/a.txt", "One")


def test_hidden_files_are_no_sources(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\x00")
    [found] = read(tmp_path, "articles/a.txt", "One")
    assert found == SourceText("a", 0, "articles", "One", "articles/a.txt", "unknown")


@pytest.mark.parametrize("content", ["", " \n\n \n"])
def test_a_folder_of_empty_texts_has_no_text(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"no text here; put articles into .*/articles"):
        read(tmp_path, "articles/a.txt", content)


def test_texts_in_a_linked_folder_are_sources(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/one.txt").write_text("A text.")
    (tmp_path / "sources/articles").mkdir(parents=True)
    (tmp_path / "sources/articles/papers").symlink_to(tmp_path / "papers")
    (tmp_path / "sources/articles/gone.txt").symlink_to(tmp_path / "nowhere")
    (found,) = read_sources(tmp_path / "sources", 100)
    assert (found.name, found.file) == ("one", "articles/papers/one.txt")
