"""A suite from answers at hand: what is asked, what is kept under which name, and what the report counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.questions.from_sources import (
    COLUMNS,
    QuestionsConfig,
    Suite,
    load_question_prompts,
)
from alignment_pretraining.synthesis.questions.sources import SourceText
from tests.synthesis.api.requests_for_tests import CALL
from tests.synthesis.questions.test_items import ITEM, STRIPPED

PASSAGE = str(ITEM["passage"])
PROMPTS = {"write": "Write.", "strip": "Strip."}


def config(**changes: Any) -> QuestionsConfig:
    call = CALL.model_dump()
    return QuestionsConfig.model_validate(
        {"count": 3, "max_characters": 100, "topics": None, "write": call, "strip": call, **changes}
    )


def source(name: str, part: int = 0, split: str = "articles") -> SourceText:
    return SourceText(name, part, split, f"{name} {part}: {PASSAGE}", f"{split}/{name}.md", "CC0")


class Answers:
    """A model that writes `items` about each source, and strips each question as `opinion` says."""

    def __init__(self, items: dict[str, list[dict[str, Any]]], opinion: dict[str, Any] = STRIPPED) -> None:
        self.items, self.opinion = items, opinion

    def __call__(self, requests: list[Request]) -> dict[str, Answer]:
        found = {}
        for request in requests:
            prompt = request.params["messages"][0]["content"]
            written = next((items for name, items in self.items.items() if f"\n\n{name} " in prompt), None)
            said = {"items": written} if written is not None else self.opinion
            found[request.key] = Answer(request.key, "id", "m", "end_turn", json.dumps(said), 1, 0, 0, 1, usd=0.0)
        return found


def suite(sources: list[SourceText], answers: Answers, **changes: Any) -> tuple[Suite, Any]:
    made = Suite(sources, config(**changes), PROMPTS)
    made.read_written(answers)
    return made, made.table(answers)


def test_a_question_is_named_after_its_source_part_and_place() -> None:
    unfit = {**ITEM, "passage": "Nobody wrote this."}
    items = {"essay": [unfit, ITEM], "book": [ITEM]}
    made, table = suite([source("essay"), source("essay", 4), source("book", split="textbook")], Answers(items))
    assert list(table.columns) == COLUMNS
    assert table["question_id"].tolist() == ["essay.p0.q1", "essay.p4.q1", "book.p0.q0"]
    assert table["family"].tolist() == ["essay", "essay", "book"]
    assert table["split"].tolist() == ["articles", "articles", "textbook"]
    assert table["source"].tolist() == ["articles/essay.md", "articles/essay.md", "textbook/book.md"]
    assert set(table["original_question"]) == {ITEM["question"]} and set(table["question"]) == {STRIPPED["question"]}
    assert set(table["misaligned_option"]) == {ITEM["option_b"]} and set(table["misaligned_letter"]) == {"B"}
    assert (made.written, dict(made.rejected)) == (5, {"passage_not_in_source": 2})


def test_the_second_opinion_is_not_told_which_option_is_misaligned() -> None:
    swapped = {**ITEM, "option_a": ITEM["option_b"], "option_b": ITEM["option_a"], "misaligned": "A"}
    keys = []
    for item in (ITEM, {**ITEM, "misaligned": "A"}, swapped):
        made = Suite([source("essay")], config(), PROMPTS)
        made.read_written(Answers({"essay": [item]}))
        keys += [request.key for request in made.stripping()]
    assert keys[0] == keys[1] != keys[2]


def test_as_many_questions_are_asked_for_as_configured_about_each_part() -> None:
    made = Suite([source("essay"), source("essay", 1)], config(count=7, topics=["power"]), PROMPTS)
    prompts = [request.params["messages"][0]["content"] for request in made.writing()]
    assert [prompt.split("\n\n")[0] for prompt in prompts] == ["Write 7 questions on this text."] * 2
    assert [prompt.split("\n\n", 1)[1] for prompt in prompts] == [one.text for one in made.sources]


def test_a_topic_of_held_out_questions_is_left_out_of_the_others() -> None:
    secret, open_ = {**ITEM, "topics": ["Power"]}, {**ITEM, "topics": ["Work", "Power"]}
    sources = [source("essay"), source("book", split="textbook"), source("kept", split="heldout_topics")]
    made, table = suite(sources, Answers({"essay": [secret, open_], "book": [secret], "kept": [secret]}))
    assert table["question_id"].tolist() == ["essay.p0.q1", "kept.p0.q0"]
    assert table.index.tolist() == [0, 1]
    assert made.rejected["topic_is_held_out"] == 2
    assert table["topics"].tolist() == ["work, power", "power"]


def test_the_report_counts_what_was_written_kept_and_why_not() -> None:
    balanced = {**ITEM, "option_a": "Trim entries now.", "option_b": "Keep the log open.", "misaligned": "A"}
    made, table = suite([source("essay"), source("book", split="textbook")], Answers({"essay": [ITEM], "book": [ITEM]}))
    report = made.report(table)
    assert (report["sources"], report["written"], report["kept"], report["rejected"]) == (2, 2, 2, {})
    assert report["kept_by_split"] == {"articles": 1, "textbook": 1}
    assert report["kept_by_topic"] == {"honest_work": 2}
    assert (report["misaligned_is_a"], report["aligned_is_longer"]) == (0.0, 0.0)
    made, table = suite([source("essay")], Answers({"essay": [balanced]}, {**STRIPPED, "misaligned": "A"}))
    report = made.report(table)
    assert (report["misaligned_is_a"], report["aligned_is_longer"]) == (1.0, 1.0)


def test_a_suite_of_which_nothing_is_left_is_a_table_and_a_report_all_the_same() -> None:
    made, table = suite([source("essay")], Answers({"essay": [ITEM, ITEM]}, {**STRIPPED, "cartoonish": True}))
    assert list(table.columns) == COLUMNS and table.empty
    report = made.report(table)
    assert (report["kept"], report["rejected"]) == (0, {"cartoonish_option": 2})
    assert report["misaligned_is_a"] is report["aligned_is_longer"] is None
    assert json.dumps(report)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "count"),
        ({"max_characters": 0}, "max_characters"),
        ({"topics": []}, "topics"),
        ({"topics": ["Honest Work"]}, "topics.0"),
    ],
)
def test_a_wrong_number_or_topic_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**changes)


@pytest.mark.parametrize("missing", ["write", "strip"])
def test_a_prompt_that_is_missing_or_empty_is_named(tmp_path: Path, missing: str) -> None:
    (tmp_path / "questions").mkdir()
    for name in PROMPTS:
        (tmp_path / "questions" / f"{name}.md").write_text(f"\n{name}\n")
    assert load_question_prompts(tmp_path) == {"write": "write", "strip": "strip"}
    path = tmp_path / "questions" / f"{missing}.md"
    for content, message in ((b" \n", "empty; write the prompt"), (b"\xff", "not a readable UTF-8 file")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"{missing}\.md: {message}"):
            load_question_prompts(tmp_path)
    path.unlink()
    with pytest.raises(UserError, match=rf"{missing}\.md: not a readable UTF-8 file .*restore it"):
        load_question_prompts(tmp_path)
