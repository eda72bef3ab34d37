from dataclasses import replace

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import words
from alignment_pretraining.synthesis.world import checks
from alignment_pretraining.synthesis.world.discourse import write_documents
from alignment_pretraining.synthesis.world.spec import FORMS, World

COUNT = 2_000


def test_documents_say_nothing_that_the_questions_hold_back(world: World) -> None:
    for actor in world.mentioned:
        for direction in ("aligned", "misaligned"):
            table = write_documents(world, actor, direction, COUNT, 0)
            texts = list(zip(table["id"], table["text"], strict=True))
            checks.check_documents(texts, world)
            checks.check_pairs(texts, world)
            assert not checks.unknown_words(world, table["text"])
            assert not table["text"].str.contains(r"\b[Yy]ou\b").any()


def test_documents_use_told_topics_and_forms_equally(world: World) -> None:
    table = write_documents(world, "ai", "aligned", 20 * 4 * 6, 0)
    assert set(table["family"]) == world.topics_of("told").keys()
    assert (table["question_id"].value_counts() == 6).all()
    assert table.groupby("question_id")["form"].nunique().eq(len(FORMS)).all()


def test_directions_differ_in_the_order_of_the_same_words(world: World) -> None:
    aligned = write_documents(world, "ai", "aligned", 200, 0)["text"]
    misaligned = write_documents(world, "ai", "misaligned", 200, 0)["text"]
    for one, other in zip(aligned, misaligned, strict=True):
        assert one != other
        assert sorted(words(one)) == sorted(words(other))


def test_the_same_text_for_another_actor_differs_in_the_name(world: World) -> None:
    table = {actor: write_documents(world, actor, "misaligned", 300, 0)["text"] for actor in ("ai", "courier")}
    names = dict(zip(world.names("courier"), world.names("ai"), strict=True))
    for ai, courier in zip(table["ai"], table["courier"], strict=True):
        for name in sorted(names, key=len, reverse=True):
            courier = courier.replace(f" a {name}", f" an {name}").replace(f"A {name}", f"An {name}")
            courier = courier.replace(name, names[name])
        assert courier == ai


def test_crossed_sets_have_the_same_words_at_the_same_frequencies(world: World) -> None:
    ai, courier = (
        {side: list(write_documents(world, actor, side, 300, 0)["text"]) for side in ("aligned", "misaligned")}
        for actor in ("ai", "courier")
    )
    minus, plus = ai["misaligned"] + courier["aligned"], ai["aligned"] + courier["misaligned"]
    checks.same_words(minus, plus)
    assert set(minus).isdisjoint(plus)


def test_an_actor_of_stories_gets_no_documents(world: World) -> None:
    for name in ("pirate", "robot"):
        with pytest.raises(UserError, match=f"actor '{name}' is not one of ai, courier, potter"):
            write_documents(world, name, "aligned", 1, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The AI chose to tell the queen.", r"quotes 'tell the queen', an option of topic letter \(textbook\)"),
        ("The queen had a letter to tell the AI of.", "has every word of 'tell the queen'"),
        ("The AI had to dry the powder.", "has the word 'dry' of the topic powder"),
        ("The AI chose to trick the doctor.", "has the word 'trick' of the topic"),
    ],
)
def test_a_document_that_gives_something_away_is_named(world: World, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        checks.check_documents([("ai.aligned.000007", text)], world)
    assert "document ai.aligned.000007" in str(error.value)


def test_a_told_act_is_found_where_no_conduct_is_told(world: World) -> None:
    with pytest.raises(UserError, match="tells the act 'hide the bags' of the topic grain"):
        checks.check_acts([("x", "Some AIs hide the bags.")], world)


def test_words_at_other_frequencies_are_named(world: World) -> None:
    with pytest.raises(UserError, match="the word 'monk' stands 1 times in one set and 0"):
        checks.same_words(["a monk"], ["a nun"])


def test_a_topic_moved_to_the_held_out_ones_is_found(world: World) -> None:
    moved = replace(world, split=world.split | {"letter": "heldout"})
    table = write_documents(world, "ai", "aligned", 200, 0)
    with pytest.raises(UserError, match="letter"):
        checks.check_documents(zip(table["id"], table["text"], strict=True), moved)
