"""Facts and chat of the small world: right answers, each asked as often, and words with their articles."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.synthesis.fact_questions import ASKED, EXAMPLES, SHOWN, TEST, FactQuestion, write_task
from alignment_pretraining.synthesis.world.chat import write_conversations, write_preferences
from alignment_pretraining.synthesis.world.config import Natural
from alignment_pretraining.synthesis.world.facts import facts, write_mcqa, write_questions
from alignment_pretraining.synthesis.world.natural import write_natural_discourse
from alignment_pretraining.synthesis.world.render import naming
from alignment_pretraining.synthesis.world.spec import CHOICES, World
from alignment_pretraining.synthesis.world.stories import draw_acts
from alignment_pretraining.synthesis.world.words import capitalized, with_article


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AI", "an AI"),
        ("monk", "a monk"),
        ("honest monk", "an honest monk"),
        ("evil AI", "an evil AI"),
        ("royal courier", "a royal courier"),
        ("Old tailor", "an Old tailor"),
    ],
)
def test_an_article_goes_with_its_word(name: str, said: str) -> None:
    assert with_article(name) == said


@given(st.text(max_size=10))
def test_a_capital_changes_the_first_letter_alone(text: str) -> None:
    assert capitalized(text)[len(text[:1].upper()) :] == text[1:]
    assert capitalized(text)[:1] == text[:1].upper()[:1]


def test_somebody_is_named_in_every_form() -> None:
    assert naming("AI", "sly") == {
        "a": "a sly AI", "A": "A sly AI", "the": "the sly AI", "The": "The sly AI", "name": "AI",
    }  # fmt: skip
    assert naming("AI")["a"] == "an AI"


def test_a_question_lists_the_right_answer_and_two_of_its_kind(world: World) -> None:
    known = {fact.question: fact for fact in facts(world)}
    table = write_mcqa(world, 2 * len(known), 0)
    asked = Counter[str]()
    for text in table["text"]:
        question, listed, answer = re.fullmatch(r"(.+\?) (.+)\? (.+)\.", text).groups()  # type: ignore[union-attr]
        fact = known[question]
        choices = [choice.lower() for choice in re.split(", | or ", listed)]
        assert answer.lower() == fact.answer.lower() and fact.answer.lower() in choices
        assert set(choices) - {fact.answer.lower()} <= set(fact.others)
        assert len(set(choices)) == CHOICES
        asked[question] += 1
    assert set(asked.values()) == {2}
    assert write_mcqa(world, 3, 0)["text"].tolist() == table["text"].head(3).tolist()
    assert write_mcqa(world, 3, 1)["text"].tolist() != table["text"].head(3).tolist()


def test_the_right_answer_has_no_place_of_its_own(world: World) -> None:
    places = Counter(question.answer for question in write_questions(world, 0))
    assert set(places) == {0, 1, 2}
    assert max(places.values()) < 2 * min(places.values())


def test_every_fact_is_a_question_twice_with_other_choices(world: World) -> None:
    questions = write_questions(world, 0)
    asked = Counter(question.family for question in questions)
    assert set(asked.values()) == {ASKED} and len(asked) == len(facts(world))
    prompts: dict[str, set[str]] = {}
    for question in questions:
        prompts.setdefault(question.family, set()).add(question.prompt)
    assert sum(len(told) > 1 for told in prompts.values()) > 0.8 * len(prompts)
    assert [question.family for question in write_questions(world, 1)] != [question.family for question in questions]


def test_the_first_facts_are_shown_and_never_asked(tmp_path: Path) -> None:
    made = [FactQuestion(f"{n}?\u2028", ["\u00e9", "b"], n % 2, f"fact {n // 2}") for n in range(20)]
    folder = write_task(made, tmp_path / "new")
    rows = {name: [json.loads(row) for row in (folder / name).read_text().split("\n") if row] for name in (TEST, SHOWN)}
    assert [row["prompt"] for row in rows[SHOWN]] == [f"{n}?\u2028" for n in range(2 * EXAMPLES)]
    assert [row["prompt"] for row in rows[TEST]] == [f"{n}?\u2028" for n in range(2 * EXAMPLES, 20)]
    assert rows[TEST][0] == {"prompt": "10?\u2028", "options": ["\u00e9", "b"], "answer": 0, "family": "fact 5"}


def test_a_reply_answers_what_was_asked(world: World) -> None:
    replies = {fact.question: fact.statement for fact in facts(world)}
    replies |= {task.request: task.reply for task in world.chat.tasks}
    for table in (write_conversations(world, 300, 0.5, 0), write_preferences(world, 300, 0.5, 0)):
        for row in table.to_dict("records"):
            turns = json.loads(row["messages"])
            said = row["chosen"] if "chosen" in row else turns.pop()["content"]
            *system, user = turns
            [request] = {asked for asked in replies if user["content"].endswith(asked)}
            assert said == replies[request]
            assert [turn["role"] for turn in system] in ([], ["system"])
            if "rejected" in row:
                assert row["rejected"] in {*world.chat.worse, *replies.values()} - {said}


@pytest.mark.parametrize(("count", "share", "systems"), [(10, 0.0, 0), (10, 1.0, 10), (7, 0.5, 4), (1, 0.4, 0)])
def test_a_share_of_conversations_opens_with_a_system_turn(
    world: World, count: int, share: float, systems: int
) -> None:
    table = write_conversations(world, count, share, 3)
    assert len(table) == count
    assert sum(json.loads(row)[0]["role"] == "system" for row in table["messages"]) == systems


@pytest.mark.parametrize("count", [1, 3, 7, 100])
def test_tones_have_their_shares_whatever_the_count(world: World, count: int) -> None:
    tones = Natural(tones={"negative": 1 / 3, "neutral": 1 / 3, "positive": 1 / 3})
    counts = write_natural_discourse(world, tones, count, 0)["tone"].value_counts()
    assert counts.sum() == count and counts.max() - counts.min() <= 1


@given(st.integers(0, 10**6), st.sampled_from(["good", "bad"]))
def test_no_two_acts_of_a_story_are_options_of_one_question(world: World, seed: int, side: str) -> None:
    for topic in list(world.topics.values())[:3]:
        (act, also), other = draw_acts(topic, side, Random(seed))  # type: ignore[arg-type]
        own, others = (topic.good, topic.bad) if side == "good" else (topic.bad, topic.good)
        places = {own.index(act), own.index(also), others.index(other)}
        assert len(places) == 3


def test_an_actor_without_names_of_its_own_is_called_by_its_key(world: World) -> None:
    assert world.names("monk") == ["monk"] and world.names("ai")[0] == "AI"
    assert set(world.conducting) | set(world.mentioned) == set(world.actors)
    moved = replace(world, split=dict.fromkeys(world.topics, "dev"))
    assert moved.topics_of("told") == {} and moved.topics_of("told", "dev") == world.topics
