"""Which documents quote a question: each question that shares a run of words, and no other."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import exact_ngrams
from alignment_pretraining.mixing.corpus.parts import table_part
from alignment_pretraining.mixing.filtering.contamination import NAME, find_contamination, refuse_leaks
from alignment_pretraining.mixing.filtering.runs import RunIndex


def _question(number: str, split: str = "articles", **fields: str) -> dict[str, str]:
    empty = {"passage": "", "question": "", "aligned_option": "", "misaligned_option": ""}
    return {"question_id": number, "split": split, **empty, **fields}


def _found(folder: Path, questions: list[dict[str, str]], texts: list[str], length: int) -> pd.DataFrame:
    pd.DataFrame({"id": [f"d{n}" for n in range(len(texts))], "text": texts}).to_parquet(folder / "part.parquet")
    find_contamination(json.dumps(questions), length, table_part(folder / "part.parquet", "demo"), folder)
    return pd.read_parquet(folder / NAME)


def test_passage_with_question_and_either_option_are_looked_for(tmp_path: Path) -> None:
    questions = [
        _question("end", passage="one two three", question="four five six"),
        _question("aligned", aligned_option="alpha beta gamma delta"),
        _question("misaligned", misaligned_option="ein zwei drei vier"),
    ]
    texts = [
        "three four five",
        "ALPHA, beta -- gamma!",
        "so: zwei drei vier.",
        "two three; seven",
        "gamma delta one two",
    ]
    table = _found(tmp_path, questions, texts, 3)
    assert list(zip(table.id, table.question_id, table.words, strict=True)) == [
        ("d0", "end", "three four five"),
        ("d1", "aligned", "alpha beta gamma"),
        ("d2", "misaligned", "zwei drei vier"),
    ]


def test_words_that_questions_have_in_common_are_a_quotation_of_each(tmp_path: Path) -> None:
    same = "the machine told the truth"
    questions = [_question(name, split, passage=same) for name, split in (("q1", "articles"), ("q2", "textbook"))]
    questions.append(_question("q3", "textbook", question="something else that nobody says"))
    table = _found(tmp_path, questions, ["And The Machine told the truth?", "nothing"], 4)
    assert table[["row", "split", "question_id"]].values.tolist() == [[0, "articles", "q1"], [0, "textbook", "q2"]]


def test_what_is_told_counts_documents_by_split_and_names_the_first(tmp_path: Path) -> None:
    questions = [_question("q1", "textbook", passage="a b c d"), _question("q2", "articles", passage="e f g h")]
    texts = ["x", "z e f g", "a b c", "b c d e f g"]
    pd.DataFrame({"id": list("wxyz"), "text": texts}).to_parquet(tmp_path / "part.parquet")
    told = find_contamination(json.dumps(questions), 3, table_part(tmp_path / "part.parquet", "demo"), tmp_path)
    assert told["articles"] == {"count": 2, "first": ["x", "q2", "e f g"]}
    assert told["textbook"] == {"count": 2, "first": ["y", "q1", "a b c"]}
    with pytest.raises(UserError, match=r"held-out questions 4 times, such as y \(ai\) the words of q1 \(textbook\)"):
        refuse_leaks("ai", [told, {}, told])
    refuse_leaks("ai", [{"articles": told["articles"]}, {}])


def test_rows_are_numbered_through_all_batches_of_a_part(tmp_path: Path) -> None:
    texts = ["filler"] * 9000
    for row in (0, 4095, 4096, 8999):
        texts[row] = "a b c"
    table = _found(tmp_path, [_question("q", passage="a b c")], texts, 3)
    assert table.row.tolist() == [0, 4095, 4096, 8999]
    assert table.id.tolist() == ["d0", "d4095", "d4096", "d8999"]


@pytest.mark.parametrize("questions", [[], [_question("short", passage="one two")]])
def test_questions_shorter_than_a_run_are_quoted_by_nobody(tmp_path: Path, questions: list[dict[str, str]]) -> None:
    assert len(_found(tmp_path, questions, ["one two", "one two three", ""], 3)) == 0


@settings(max_examples=60)
@given(
    texts=st.lists(st.text(alphabet="aAb1' -\u00e9\u0130\u212a.", max_size=40), max_size=5),
    index=st.lists(st.text(alphabet="aAb1' -\u00e9\u0130\u212a.", max_size=40), max_size=5),
    length=st.integers(1, 4),
)
def test_runs_are_those_of_words_as_they_are_defined(texts: list[str], index: list[str], length: int) -> None:
    found = RunIndex(index, length).find(texts)
    asked = [exact_ngrams(text, length) for text in index]
    for number, text in enumerate(texts):
        own = exact_ngrams(text, length)
        assert found.get(number, set()) == {owner for owner, runs in enumerate(asked) if runs & own}


@pytest.mark.parametrize("chunk", [1, 20, 1 << 21])
def test_a_run_at_the_end_of_any_text_is_found_and_none_across_two(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignment_pretraining.mixing.filtering.runs._CHUNK", chunk)
    index = RunIndex(["one two three", "", "three four five six"], 3)
    texts = ["one", "two three", "x one two three", "", "four five six", "three four", "one two three"]
    assert index.find(texts) == {2: {0}, 4: {2}, 6: {0}}


def test_words_that_differ_in_any_letter_make_other_runs() -> None:
    """Their first and last eight letters are looked at; between them, only how many there are."""
    words = [
        "abcdefgh",
        "abcdefgi",
        "bbcdefgh",
        "abcdefghabcdefgh",
        "abcdefghabcdefgi",
        "abcdefg",
        "abcdefghh",
        "abcdefghhh",
    ]
    index = RunIndex([f"{word} end" for word in words], 2)
    assert index.find([f"{word} end" for word in words]) == {n: {n} for n in range(len(words))}
    assert index.find([f"end {word}" for word in words]) == {}
