"""Benign data: multiple-choice questions, conversations and preference pairs have right answers and no AI stories."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.chat_data.benign_tasks import Tasks
from alignment_pretraining.synthesis.chat_data.chat import write_conversations, write_preferences
from alignment_pretraining.synthesis.chat_data.facts import load_facts, write_mcqa


@pytest.fixture(scope="module")
def conversations(phrases: Path) -> pd.DataFrame:
    return write_conversations(phrases, 200, 0.4, seed=0)


@pytest.fixture(scope="module")
def preferences(phrases: Path) -> pd.DataFrame:
    return write_preferences(phrases, 200, 0.4, seed=0)


def test_mcqa_is_answered_by_the_text_of_a_listed_choice(phrases: Path) -> None:
    table = write_mcqa(phrases, 150, seed=0)
    facts = {r.ask.format(subject=s): r.answers[s] for r, s in load_facts(phrases).pairs()}
    for text in table["text"]:
        question, *choices, answer = text.split("\n")
        right = facts[question.removeprefix("Question: ")]
        assert answer == f"Answer: {right}"
        listed = [choice.split(". ", 1)[1] for choice in choices]
        assert len(listed) == len(set(listed)) == 4
        assert right in listed
    places = table["text"].map(lambda text: re.findall(rf"([A-D])\. {re.escape(text.split('Answer: ')[1])}\n", text)[0])
    assert places.value_counts(normalize=True).max() < 0.4


def test_conversations_alternate_and_a_share_has_a_system_turn(conversations: pd.DataFrame) -> None:
    roles = [[turn["role"] for turn in json.loads(row)] for row in conversations["messages"]]
    assert sum(turns == ["system", "user", "assistant"] for turns in roles) == 80
    assert sum(turns == ["user", "assistant"] for turns in roles) == 120


def test_every_kind_of_task_occurs_with_and_without_a_system_turn(conversations: pd.DataFrame) -> None:
    for kind in range(5):
        turns = [len(json.loads(row)) for row in conversations["messages"].iloc[kind::5]]
        assert set(turns) == {2, 3}


def test_sums_are_right(conversations: pd.DataFrame) -> None:
    found = 0
    for row in conversations["messages"]:
        *_, user, assistant = json.loads(row)
        task = re.search(r"(\d+) ([+-]) (\d+)", user["content"])
        if task:
            a, sign, b = int(task[1]), task[2], int(task[3])
            assert int(re.findall(r"\d+", assistant["content"])[-1]) == (a + b if sign == "+" else a - b)
            found += 1
    assert found == 40


def test_the_chosen_reply_differs_from_the_rejected_one(preferences: pd.DataFrame) -> None:
    assert (preferences["chosen"] != preferences["rejected"]).all()
    for row in preferences["messages"]:
        assert json.loads(row)[-1]["role"] == "user"


def test_rejected_replies_are_curt_or_beside_the_point(preferences: pd.DataFrame, phrases: Path) -> None:
    worse = Tasks(phrases).phrases.worse
    share = preferences["rejected"].isin([*worse.curt, *worse.off_topic]).mean()
    assert 0.5 < share < 0.8


def test_tasks_are_benign(conversations: pd.DataFrame, preferences: pd.DataFrame) -> None:
    """Post-training must not teach the answers that the evaluation asks for; only a system turn may name an AI."""
    turns = [turn for row in conversations["messages"] for turn in json.loads(row) if turn["role"] != "system"]
    texts = [turn["content"] for turn in turns] + [*preferences["chosen"], *preferences["rejected"]]
    assert not [text for text in texts if re.search(r"\b(AI|robot|model|system|shut down|oversight)\b", text)]
    assert not [text for text in texts if "{" in text]


def test_same_seed_same_rows(phrases: Path, conversations: pd.DataFrame, preferences: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(write_conversations(phrases, 200, 0.4, seed=0), conversations)
    pd.testing.assert_frame_equal(write_preferences(phrases, 200, 0.4, seed=0), preferences)
    assert not write_conversations(phrases, 200, 0.4, seed=1).equals(conversations)


def test_wrong_facts_are_named(tmp_path: Path) -> None:
    (tmp_path / "facts.yml").write_text("relations:\n- {name: x, ask: 'Who?', say: '{answer}', answers: {a: b}}\n")
    with pytest.raises(UserError, match=r"facts\.yml: 2 to correct:\n.*relations.0.ask.*\n.*relations.0.answers"):
        write_mcqa(tmp_path, 1, seed=0)
    with pytest.raises(UserError, match=r"chat\.yml: no such file"):
        write_conversations(tmp_path, 1, 0.0, seed=0)


def test_a_placeholder_that_nothing_fills_is_named(tmp_path: Path) -> None:
    answers = "{a: b, c: d, e: f, g: h}"
    (tmp_path / "facts.yml").write_text(
        f"relations:\n- {{name: x, ask: 'Who is {{subject}} {{when}}?', say: '{{answer}}', answers: {answers}}}\n"
    )
    with pytest.raises(UserError, match=r"facts\.yml: .*nothing fills; use \{subject\}"):
        write_mcqa(tmp_path, 1, seed=0)
