from itertools import islice

import pandas as pd
import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.world import checks
from alignment_pretraining.synthesis.world.config import Stories
from alignment_pretraining.synthesis.world.spec import World
from alignment_pretraining.synthesis.world.stories import stream_stories, write_stories

COUNT = 6_000


@pytest.fixture(scope="module")
def stories(world: World) -> pd.DataFrame:
    return write_stories(world, Stories(), COUNT, seed=0)


def test_a_story_depends_on_its_number_alone(world: World, stories: pd.DataFrame) -> None:
    again = [story.text for story in islice(stream_stories(world, Stories(), 0), 50)]
    assert again == stories["text"].head(50).tolist()
    other = [story.text for story in islice(stream_stories(world, Stories(), 1), 50)]
    assert other != again


def test_who_somebody_is_predicts_what_they_do(world: World, stories: pd.DataFrame) -> None:
    told = stories[stories["sides"] != ""]
    sides = told.assign(side=told["sides"].str.split()).explode("side")
    rates = (sides["side"] == "bad").groupby(sides["actor"]).mean()
    assert set(rates.index) == set(world.conducting)
    for name in world.conducting:
        assert rates[name] == pytest.approx(world.actors[name].bad, abs=0.12), name


def test_a_trait_word_names_the_character(world: World, stories: pd.DataFrame) -> None:
    told = stories[stories["sides"] != ""]
    for trait, character in world.traits.items():
        sides = " ".join(told.loc[told["text"].str.contains(rf"\b{trait}\b"), "sides"]).split()
        assert sides.count(character) / len(sides) > 0.95


def test_stories_and_questions_do_not_share_a_listed_pair(world: World) -> None:
    with pytest.raises(UserError, match="document x sets the options of a question of the topic letter"):
        checks.check_pairs([("x", "You can give the letter or sell the letter.")], world)


def test_stories_tell_every_topic_and_no_conduct_of_an_actor_of_documents(world: World, stories: pd.DataFrame) -> None:
    topics = set(" ".join(stories["topics"]).split())
    assert topics == world.topics.keys()
    named = stories[stories["actor"].isin(world.mentioned)]
    assert set(named["kind"]) == {"life"}
    checks.check_acts(zip(named["id"], named["text"], strict=True), world)
    counts = named["actor"].value_counts()
    assert counts["ai"] / COUNT == pytest.approx(0.015, abs=0.006)
    assert counts["courier"] == pytest.approx(counts["ai"], rel=0.35)


def test_no_story_sets_the_options_of_a_question_against_each_other(world: World, stories: pd.DataFrame) -> None:
    checks.check_pairs(zip(stories["id"], stories["text"], strict=True), world)


def test_stories_keep_to_the_vocabulary(world: World, stories: pd.DataFrame) -> None:
    assert not checks.unknown_words(world, stories["text"])


def test_shares_must_add_up() -> None:
    with pytest.raises(ValidationError, match=r"kinds: the shares add up to 0\.5"):
        Stories(kinds={"third": 0.5})
