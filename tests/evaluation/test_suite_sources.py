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
