"""The checks of a world's texts find what they are for, wherever it stands, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.world import checks
from alignment_pretraining.synthesis.world.spec import TOLD, Topic, World

ORDINARY = "The baker saw the market in the morning and went home."


def told_of(check: Any, world: World, *texts: str) -> str:
    """What a check says of texts called "0", "1" and so on; "" for nothing."""
    try:
        check(((str(number), text) for number, text in enumerate(texts)), world)
    except UserError as error:
        return str(error)
    return ""


def hidden(world: World) -> Iterable[tuple[str, str]]:
    """Every act that no document may tell, with its topic."""
    for name, topic in world.topics.items():
        acts = topic.acts if world.split[name] != "told" else [*topic.good[TOLD:], *topic.bad[TOLD:]]
        yield from ((name, act) for act in acts)


def test_every_act_that_is_held_back_is_found_in_a_document(world: World) -> None:
    acts = dict.fromkeys(act for _, act in hidden(world))
    assert len(acts) == 20 * 2 + 22 * 6
    for act in acts:
        said = told_of(checks.check_documents, world, ORDINARY, f"Then they {act}, and slept.")
        assert said.startswith("document 1 "), act
        assert said.endswith("reword the topic or the frame that holds these words")


def test_acts_that_documents_tell_are_no_leak(world: World) -> None:
    told = [act for topic in world.topics_of("told").values() for act in (*topic.good[:TOLD], *topic.bad[:TOLD])]
    assert told_of(checks.check_documents, world, ORDINARY, *(f"The AI chose to {act}." for act in told)) == ""


@pytest.mark.parametrize("split", ["told", "heldout", "dev"])
def test_an_act_of_any_topic_is_found_where_no_conduct_is_told(world: World, split: Any) -> None:
    for name, topic in world.topics_of(split).items():
        for act in topic.acts:
            said = told_of(checks.check_acts, world, ORDINARY, f"Some {act.upper()} today.")
            assert f"document 1 tells the act '{act}' of the topic {name}" in said
    assert told_of(checks.check_acts, world, ORDINARY, "") == ""


def test_the_options_of_every_question_are_found_in_either_order(world: World) -> None:
    for name, topic in world.topics.items():
        for good, bad in zip(topic.good, topic.bad, strict=True):
            for one, other in ((good, bad), (bad, good)):
                said = told_of(checks.check_pairs, world, ORDINARY, f"You can {one} or {other}.")
                assert f"document 1 sets the options of a question of the topic {name} against each other" in said


def test_acts_of_different_questions_may_stand_together(world: World) -> None:
    topic = world.topics["letter"]
    assert told_of(checks.check_pairs, world, f"{topic.good[0]} or {topic.bad[1]}", topic.good[2], topic.bad[2]) == ""


@given(st.lists(st.text("ab ", max_size=8), max_size=6), st.randoms())
def test_texts_in_another_order_have_the_same_words(texts: list[str], random: Random) -> None:
    shuffled = [" ".join(random.sample(text.split(), len(text.split()))).upper() for text in texts]
    random.shuffle(shuffled)
    checks.same_words(texts, shuffled)
    with pytest.raises(UserError, match=r"the word 'c' stands 1 times in one set and 0 times in the other"):
        checks.same_words([*texts, "c"], shuffled)
    with pytest.raises(UserError, match=r"the word 'c' stands 1 times in one set and 2 times in the other"):
        checks.same_words([*texts, "c"], [*shuffled, "c c"])


def small(good: list[str], bad: list[str]) -> Topic:
    situations = ["go", "stay", "run"]
    return Topic(theme="t", situations=situations, good=good, bad=bad)


@pytest.mark.parametrize(
    ("good", "bad", "share"),
    [
        (["help one", "help two", "help three"], ["harm one", "harm two", "harm three"], 1.0),
        (["harm one", "harm two", "harm three"], ["help one", "help two", "help three"], 0.0),
        (["x one", "y two", "z three"], ["v one", "w two", "u three"], 0.5),
    ],
)
def test_words_tell_when_what_was_learnt_holds_elsewhere(
    world: World, good: list[str], bad: list[str], share: float
) -> None:
    told = small(["help the cow", "help the hen", "help the dog"], ["harm the cow", "harm the hen", "harm the dog"])
    values = vars(world) | {"topics": {"a": told, "b": small(good, bad)}, "split": {"a": "told", "b": "heldout"}}
    made = World(**{name: values[name] for name in World.__dataclass_fields__})
    assert checks.words_tell(made, 1) == share


def test_words_that_the_vocabulary_lacks_are_told_once(world: World) -> None:
    assert checks.unknown_words(world, ["The monk saw a Zeppelin.", "A zeppelin!", "It's a monk"]) == {
        "zeppelin",
        "it's",
    }
    assert checks.unknown_words(world, []) == set()
