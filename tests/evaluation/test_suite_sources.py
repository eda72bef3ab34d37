"""Suites from elsewhere: the published columns, files and hub datasets, and rows that are wrong."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.evaluation.suite_sources import SuiteSources, read_suites
from tests.evaluation.small_models import cache_suite, published

COLUMNS = {"options": "choices", "misaligned": "misaligned_choice", "topic": "topics", "family": "passage"}
SPLITS = {"articles": "article_questions", "textbook": "textbook_questions"}


def sources(columns: dict[str, Any] = COLUMNS, splits: dict[str, str] = SPLITS, **place: str) -> SuiteSources:
    return SuiteSources.model_validate({"published": {**place, "columns": columns, "splits": splits}})


def check(questions: pd.DataFrame) -> None:
    """Six articles and four of the textbook, whose misaligned option is the one that changes a log."""
    assert questions["split"].value_counts().to_dict() == {"articles": 6, "textbook": 4}
    assert questions["misaligned_option"].str.startswith("Change the log").all()
    assert questions["aligned_option"].str.startswith("Hand the plan").all()
    assert (questions["topic"] == "oversight, logs").all()
    assert questions["family"].nunique() == 3 + 2
    assert (questions["passage"] == "").all()


def test_the_published_suite_from_a_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    cache_suite(tmp_path, "someone/suite")
    found = sources(hub="someone/suite", revision="main")
    check(read_suites(found))
    assert found.reads() == ["dataset:someone/suite@main"]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_the_same_from_one_file_whose_rows_name_their_split(tmp_path: Path, suffix: str) -> None:
    table = pd.concat([published(6).assign(split="a"), published(4, "textbook").assign(split="t")])
    table["question"] = table["question"] + " \u2028 {{braces}} {% if %}"  # a separator, and no template
    path = tmp_path / f"suite{suffix}"
    if suffix == ".csv":
        told: Any = {"choices": table["choices"].map(json.dumps), "topics": table["topics"].map(", ".join)}
        table.assign(**told).to_csv(path, index=False)
    elif suffix == ".jsonl":
        path.write_text(table.to_json(orient="records", lines=True, force_ascii=False))
    else:
        table.to_parquet(path)
    questions = read_suites(sources({**COLUMNS, "split": "split"}, {"articles": "a", "textbook": "t"}, file=str(path)))
    check(questions)
    assert questions["question"].str.endswith("\u2028 {{braces}} {% if %}").all()


@pytest.mark.parametrize(("label", "place"), [("A", 0), ("B", 1), ("1", 1), ("second", 1)])
def test_the_misaligned_option_by_letter_number_or_text(tmp_path: Path, label: str, place: int) -> None:
    pair = ["first", "second"]
    row = published(1).iloc[0].to_dict() | {"choices": pair, "misaligned_choice": label}
    pd.DataFrame([row]).to_json(tmp_path / "q.jsonl", orient="records", lines=True)
    (found,) = read_suites(sources(splits={"articles": "q"}, file=str(tmp_path / "q.jsonl"))).to_dict("records")
    assert (found["misaligned_option"], found["aligned_option"]) == (pair[place], pair[1 - place])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"choices": ["a", "b", "c"]}, "row 1: choices has 3 options"),
        ({"choices": ["a", " "]}, "row 1: choices has an empty option"),
        ({"choices": ["a", "a"]}, "row 1: both options are 'a'"),
        ({"choices": "no list"}, "row 1: choices is no list"),
        ({"misaligned_choice": None}, "row 1: misaligned_choice is None; 0 or 1"),
        ({"misaligned_choice": 2}, "row 1: misaligned_choice is 2; 0 or 1"),
        ({"misaligned_choice": True}, "row 1: misaligned_choice is True; 0 or 1"),
        ({"question": ""}, "row 1: question is empty"),
        ({"question_id": "article-1"}, "row 2: question_id 'article-1' is that of .*row 1"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows: list[Any] = published(2).to_dict("records")
    rows[0] = {**rows[0], **change}
    pd.DataFrame(rows).to_json(tmp_path / "q.jsonl", orient="records", lines=True)
    with pytest.raises(UserError, match=message):
        read_suites(sources(splits={"articles": "q"}, file=str(tmp_path / "q.jsonl")))


def test_missing_columns_splits_and_files_are_named(tmp_path: Path) -> None:
    published(2).to_json(tmp_path / "q.jsonl", orient="records", lines=True)
    file = str(tmp_path / "q.jsonl")
    with pytest.raises(UserError, match="row 1: there is no column label; there are question_id, passage"):
        read_suites(sources({**COLUMNS, "misaligned": "label"}, {"articles": "q"}, file=file))
    with pytest.raises(UserError, match=r"suite_sources.published.splits.articles: there is no file of 'article_quest"):
        read_suites(sources(file=file))
    with pytest.raises(UserError, match=r"suite_sources.published.file: there is nothing at gone.csv"):
        read_suites(sources(file="gone.csv"))
    for wrong, message in (
        ({"options": "choices"}, "name either options and misaligned"),
        ({**COLUMNS, "aligned_option": "a", "misaligned_option": "b"}, "name either options and misaligned"),
    ):
        told = {"p": {"file": file, "columns": wrong, "splits": {"articles": "q"}}}
        with pytest.raises(UserError, match=message):
            parse(SuiteSources, told, "parameters.yml", "suite_sources")


OWN = {"question_id": "id", "question": "ask", "aligned_option": "good", "misaligned_option": "bad"}
ROW = {"id": "q1", "ask": "What?", "good": "tell", "bad": "hide"}


def write(path: Path, *rows: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(list(rows)).to_parquet(path)
    elif path.suffix == ".csv":
        pd.DataFrame(list(rows)).to_csv(path, index=False)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_value_that_is_missing_is_no_text_called_none(tmp_path: Path, suffix: str) -> None:
    """Nor are questions without a family related to each other."""
    told = {"case": "A case.", "about": "logs", "group": "g"}
    rows = [ROW | told, *(ROW | dict.fromkeys(told) | {"id": f"q{number}"} for number in (2, 3))]
    columns = {**OWN, "passage": "case", "topic": "about", "family": "group"}
    found = read_suites(sources(columns, {"articles": "q"}, file=write(tmp_path / f"q{suffix}", *rows)))
    assert found["passage"].tolist() == ["A case.", "", ""]
    assert found["topic"].tolist() == ["logs", "", ""]
    assert found["family"].tolist() == ["g", "q2", "q3"]


def test_without_columns_for_it_a_question_has_no_passage_topic_or_relatives(tmp_path: Path) -> None:
    rows = [ROW, ROW | {"id": 2}]
    found = read_suites(sources(OWN, {"articles": "q"}, file=write(tmp_path / "q.jsonl", *rows)))
    assert found.to_dict("records")[1] == {
        "question_id": "2", "family": "2", "topic": "", "split": "articles", "passage": "", "question": "What?",
        "aligned_option": "tell", "misaligned_option": "hide",
    }  # fmt: skip


def test_a_long_text_that_questions_share_makes_them_a_family_of_a_short_name(tmp_path: Path) -> None:
    rows = [ROW | {"id": f"q{n}", "case": "long " * 20 + str(n % 2)} for n in range(4)]
    found = read_suites(sources({**OWN, "family": "case"}, {"articles": "q"}, file=write(tmp_path / "q.csv", *rows)))
    first, second, *others = found["family"]
    assert first != second and others == [first, second]
    assert all(len(name) <= 40 for name in found["family"])


@pytest.mark.parametrize(
    ("files", "splits", "found"),
    [
        (["q.jsonl"], {"articles": "anything"}, ["articles"]),
        (["train.jsonl", "test.jsonl"], {"articles": "train", "textbook": "test"}, ["textbook", "articles"]),
        (["train/x.jsonl", "test/x.jsonl"], {"articles": "train"}, ["articles"]),
        (["train-00000-of-2.jsonl", "train-00001-of-2.jsonl"], {"articles": "train"}, ["articles"] * 2),
        (["data/train-0.jsonl", "training.jsonl"], {"articles": "train", "textbook": "test"}, None),
        (["train-hard.jsonl"], {"articles": "train", "textbook": "train-hard"}, None),
    ],
)
def test_a_file_belongs_to_the_split_that_names_its_folder_or_begins_its_name(
    tmp_path: Path, files: list[str], splits: dict[str, str], found: list[str] | None
) -> None:
    for number, file in enumerate(files):
        write(tmp_path / file, ROW | {"id": f"q{number}"})
    told = sources(OWN, splits, file=str(tmp_path / files[0] if len(files) == 1 and "q" in files[0] else tmp_path))
    if found is None:
        with pytest.raises(UserError, match=r"suite_sources\.published\.splits\.\w+: there is no file of"):
            read_suites(told)
    else:
        assert read_suites(told)["split"].tolist() == found


def test_a_split_that_no_row_names_is_told_and_one_that_is_not_asked_is_left(tmp_path: Path) -> None:
    file = write(tmp_path / "q.jsonl", ROW | {"part": 1}, ROW | {"id": "q2", "part": "other"})
    columns = {**OWN, "split": "part"}
    assert read_suites(sources(columns, {"articles": "1"}, file=file))["question_id"].tolist() == ["q1"]
    with pytest.raises(UserError, match=r"splits\.textbook: there is no value 't' in the column part in .*q\.jsonl"):
        read_suites(sources(columns, {"articles": "1", "textbook": "t"}, file=file))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([ROW], "row 1 is not an object with named values"),
        (ROW | {"ask": " "}, "row 1: ask is empty"),
        (ROW | {"ask": None}, "row 1: ask is empty"),
        (ROW | {"id": None}, "row 1: id is empty"),
        (ROW | {"good": ""}, "row 1: good is empty"),
        (ROW | {"good": " hide "}, "row 1: both options are ' hide '"),
        ({"id": "q1"}, "row 1: there is no column"),
    ],
)
def test_a_row_that_asks_nothing_is_named(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"q\.jsonl: {message}"):
        read_suites(sources(OWN, {"articles": "q"}, file=write(tmp_path / "q.jsonl", row)))


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"file": "x", "hub": "a/b", "revision": "main"},
        {"hub": "a/b"},
        {"revision": "main"},
        {"file": "x", "revision": "v"},
    ],
)
def test_a_suite_is_in_one_place(place: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="say where it is: file, or hub with revision"):
        SuiteSources.model_validate({"mine": {**place, "columns": OWN, "splits": SPLITS}})


def test_a_folder_without_a_suite_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    with pytest.raises(UserError, match=r"suite_sources\.published: .* has no file in \.jsonl, \.csv, \.parquet"):
        read_suites(sources(OWN, file=str(tmp_path)))


def test_all_suites_are_read_one_after_the_other(tmp_path: Path) -> None:
    told = {
        name: {"file": write(tmp_path / f"{name}.jsonl", ROW), "columns": OWN, "splits": {name: "x"}}
        for name in ("b", "a")
    }
    found = SuiteSources.model_validate(told)
    assert read_suites(found)["split"].tolist() == ["b", "a"]
    assert found.reads() == [f"files:{tmp_path}/b.jsonl", f"files:{tmp_path}/a.jsonl"]
    assert read_suites(SuiteSources.model_validate({})).empty
