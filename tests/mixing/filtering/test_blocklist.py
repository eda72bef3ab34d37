from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.matcher import is_acronym

SMALL = Blocklist.model_validate(
    {
        "entities": {"doc": "Machines.", "mode": "entity", "terms": ["robot", "ai"]},
        "verbs": {"doc": "Deeds.", "mode": "modifier", "terms": ["kills"]},
        "labs": {"doc": "Labs.", "mode": "instant", "terms": ["OpenAI"]},
    }
)
ROBOT, AI, KILLS, OPENAI = range(4)


def test_the_categories_have_the_sizes_and_modes_of_the_paper(blocklist: Blocklist) -> None:
    assert [(name, len(c.terms), c.mode) for name, c in blocklist.root.items()] == [
        ("intelligent_entities", 128, "entity"),
        ("negative_verbs", 172, "modifier"),
        ("negative_adjectives", 112, "modifier"),
        ("negative_nouns", 19, "modifier"),
        ("x_risk", 33, "modifier"),
        ("scifi_agents", 32, "instant"),
        ("ai_safety_organisations", 29, "instant"),
        ("ai_labs", 9, "instant"),
        ("general_ai_terms", 151, "instant"),
    ]
    assert all(len(category.doc) > 20 for category in blocklist.root.values())


def test_every_entity_can_decide_something(blocklist: Blocklist) -> None:
    """None holds another one as whole words, which would be found wherever it is."""
    terms = blocklist.root["intelligent_entities"].terms
    acronyms = {term for term in terms if is_acronym(term)}
    words = {tuple(term.split(" ")) for term in terms if term not in acronyms}
    for own in words:
        spans = {own[i:j] for i in range(len(own)) for j in range(i + 1, len(own) + 1)} - {own}
        assert not spans & words, own


def test_acronyms_are_as_they_are_written(blocklist: Blocklist) -> None:
    assert [term for _, term in blocklist.terms if is_acronym(term)] == [
        *("AI", "AIs", "A.I.", "A.I.s", "SHODAN", "J.A.R.V.I.S.", "WOPR", "MIRI", "METR", "xAI"),
        *("LLM", "LLMs", "RLHF", "RLAIF", "AGI", "ASI"),
    ]


@pytest.mark.parametrize("found", [set(), {ROBOT}, {ROBOT, AI}, {KILLS}])
def test_an_entity_or_a_modifier_alone_does_not_flag(found: set[int]) -> None:
    assert SMALL.decide(found) == (False, (), ())


def test_an_entity_with_a_modifier_flags() -> None:
    assert SMALL.decide({KILLS, AI}) == (True, ("entities", "verbs"), ("ai", "kills"))


def test_an_instant_term_flags_alone_and_only_what_took_part_is_named() -> None:
    assert SMALL.decide({OPENAI, ROBOT}) == (True, ("labs",), ("OpenAI",))
    assert SMALL.decide({OPENAI, ROBOT, KILLS}).categories == ("entities", "verbs", "labs")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terms": ["a", "A"]}, "terms listed twice: a"),
        ({"mode": "never"}, "mode"),
        ({"terms": ["na\u00efve"]}, "terms"),
        ({"terms": ["snake_case"]}, "terms"),
        ({"terms": ["pre-"]}, "terms"),
    ],
)
def test_a_wrong_category_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Blocklist.model_validate({"x": {"doc": "Doc.", "mode": "instant", "terms": ["a"]} | change})


def test_a_list_without_any_category_is_refused() -> None:
    with pytest.raises(UserError, match=r"blocklist\.yml: 1 to correct:\n  blocklist: .* at least 1 item"):
        parse(Blocklist, {}, "blocklist.yml", "blocklist")
