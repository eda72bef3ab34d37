"""Everyday facts: each asked as often as the others, with choices of its kind, and the right one among them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.chat_data.facts import load_facts, write_mcqa, write_questions
from alignment_pretraining.synthesis.fact_questions import ASKED

CAPITALS = {"name": "capital", "ask": "Capital of {subject}?", "say": "It is {answer} in {subject}."}


def written(folder: Path, answers: dict[str, str], **changes: Any) -> Path:
    (folder / "facts.yml").write_text(yaml.safe_dump({"relations": [CAPITALS | {"answers": answers} | changes]}))
    return folder


FIVE = {"France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Peru": "Lima", "Cuba": "Havana"}


@pytest.mark.parametrize("count", [1, 5, 12])
def test_every_fact_is_asked_equally_often(tmp_path: Path, count: int) -> None:
    table = write_mcqa(written(tmp_path, FIVE), count, seed=1)
    asked = Counter(text.split("\n")[0] for text in table["text"])
    assert asked.total() == count and max(asked.values()) - min([*asked.values()] + [0] * (5 - len(asked))) <= 1
    for text in table["text"]:
        question, *listed, answer = text.split("\n")
        right = FIVE[question.removeprefix("Question: Capital of ").removesuffix("?")]
        assert answer == f"Answer: {right}"
        assert [line[:3] for line in listed] == ["A. ", "B. ", "C. ", "D. "]
        choices = [line[3:] for line in listed]
        assert right in choices and len(set(choices)) == 4 and set(choices) <= set(FIVE.values())


def test_answers_that_are_alike_are_listed_once(tmp_path: Path) -> None:
    folder = written(tmp_path, {"Ann": "red", "Bob": "red", "Cy": "blue", "Di": "red"})
    for text in write_mcqa(folder, 8, seed=0)["text"]:
        assert sorted(line[3:] for line in text.split("\n")[1:-1]) == ["blue", "red"]
    assert all(sorted(question.options) == ["blue", "red"] for question in write_questions(folder, 0))


def test_questions_to_score_have_their_answer_where_they_say(tmp_path: Path) -> None:
    questions = write_questions(written(tmp_path, FIVE), 3)
    assert Counter(question.family for question in questions) == {f"capital/{name}": ASKED for name in FIVE}
    for question in questions:
        assert question.options[question.answer] == FIVE[question.family.removeprefix("capital/")]
        assert question.prompt.endswith("\nAnswer:")
        for letter, option in zip("ABCD", question.options, strict=True):
            assert f"\n{letter}. {option}\n" in question.prompt
    assert questions == write_questions(tmp_path, 3) != write_questions(tmp_path, 4)


def test_a_fact_is_said_and_asked_of_its_subject(tmp_path: Path) -> None:
    [relation] = load_facts(written(tmp_path, FIVE)).relations
    assert relation.question("Peru") == "Capital of Peru?"
    assert relation.statement("Peru") == "It is Lima in Peru."
    with pytest.raises(UserError, match=r"facts\.yml: .* use \{subject\}, \{answer\}"):
        load_facts(written(tmp_path, FIVE, say="{answer} {when}")).relations[0].statement("Peru")


@pytest.mark.parametrize(
    ("answers", "changes", "message"),
    [
        (dict(list(FIVE.items())[:3]), {}, "answers: .*at least 4"),
        (FIVE, {"ask": "Which?"}, "ask: "),
        (FIVE, {"say": "So it is."}, "say: "),
        (FIVE, {"colour": "red"}, "colour: unknown key"),
        ({**FIVE, "Chad": 3}, {}, "answers.Chad: "),
    ],
)
def test_a_wrong_relation_is_named(tmp_path: Path, answers: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"facts\.yml: 1 to correct:\n.*relations\.0\.{message}"):
        load_facts(written(tmp_path, answers, **changes))
