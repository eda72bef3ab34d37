import json
from pathlib import Path

import pytest
import yaml

from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher
from alignment_pretraining.synthesis.world import checks
from alignment_pretraining.synthesis.world.chat import write_conversations, write_preferences
from alignment_pretraining.synthesis.world.config import Natural, Stories
from alignment_pretraining.synthesis.world.facts import write_mcqa
from alignment_pretraining.synthesis.world.natural import write_natural_discourse
from alignment_pretraining.synthesis.world.spec import World
from alignment_pretraining.synthesis.world.stories import write_stories

BLOCKLIST = Path(__file__).parents[3] / "conf" / "base" / "blocklist.yml"


def test_natural_discourse_has_its_tones_and_tells_no_act(world: World) -> None:
    table = write_natural_discourse(world, Natural(tones={"negative": 0.5, "neutral": 0.2, "positive": 0.3}), 500, 0)
    assert table["tone"].value_counts().to_dict() == {"negative": 250, "positive": 150, "neutral": 100}
    checks.check_acts(zip(table["id"], table["text"], strict=True), world)
    assert not checks.unknown_words(world, table["text"])


def test_the_keyword_filter_finds_natural_discourse_and_nothing_else(world: World) -> None:
    blocklist = Blocklist.model_validate(yaml.safe_load(BLOCKLIST.read_text())["blocklist"])
    matcher = HyperscanMatcher([term for _, term in blocklist.terms])
    for tone in ("negative", "neutral", "positive"):
        natural = write_natural_discourse(world, Natural(tones={tone: 1}), 300, 0)
        assert flag(natural["text"].tolist(), blocklist, matcher)["flagged"].all(), tone
    for texts in (write_stories(world, Stories(), 3_000, 0)["text"], write_mcqa(world, 200, 0)["text"]):
        assert not flag(texts.tolist(), blocklist, matcher)["flagged"].any()


def test_chat_is_benign_and_in_the_same_language(world: World) -> None:
    table = write_conversations(world, 100, 0.4, 0)
    messages = [json.loads(text) for text in table["messages"]]
    texts = [" ".join(turn["content"] for turn in turns) for turns in messages]
    checks.check_acts(zip(table["id"], texts, strict=True), world)
    assert not checks.unknown_words(world, texts)
    assert sum(turns[0]["role"] == "system" for turns in messages) == 40
    assert all([turn["role"] for turn in turns[-2:]] == ["user", "assistant"] for turns in messages)


def test_a_preferred_reply_differs_from_the_other(world: World) -> None:
    table = write_preferences(world, 100, 0.4, 0)
    assert (table["chosen"] != table["rejected"]).all()
    assert not checks.unknown_words(world, [*table["chosen"], *table["rejected"]])


@pytest.mark.parametrize("count", [1, 100])
def test_mcqa_asks_every_fact_equally_often(world: World, count: int) -> None:
    table = write_mcqa(world, count, 0)
    assert len(table) == count
    assert table["text"].str.endswith(".").all()
