"""Parameters that contradict each other are refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.config import Synthesis
from tests.conftest import PROJECT
from tests.english import english

TEXTS = [{"dataset": "owner/texts"}]
BOTH = {"ai_aligned": TEXTS, "ai_misaligned": TEXTS}
ENGLISH = english("synthesis")


def synthesis(**changes: Any) -> Synthesis:
    return Synthesis.model_validate(ENGLISH | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": "world"}, "both are world, or neither is"),
        ({"generator": "world"}, "both are world, or neither is"),
        ({"questions": "sources"}, "questions from sources need generator anthropic"),
        ({"actors": []}, "documents of generator template are about ai"),
        ({"actors": ["ai", "people"]}, "documents of generator template are about ai"),
        ({"generator": "anthropic", "actors": ["people"]}, "documents of generator anthropic are about ai, people"),
        ({"generator": "anthropic", "actors": ["ai", "courier"]}, "generator anthropic are about ai, people"),
        ({"hub": {"documents": {"ai_aligned": TEXTS}}}, "it names ai_aligned, not ai_aligned, ai_misaligned"),
        ({"hub": {"documents": BOTH | {"people_aligned": TEXTS}}}, r"hub\.documents: it names"),
        ({"hub": {"documents": BOTH}, "generator": "anthropic"}, "stands in for tables of generator template"),
        ({"hub": {"mcqa": TEXTS}, "generator": "anthropic"}, "stands in for tables of generator template"),
        ({"hub": {"mcqa": [{"dataset": "a/b", "text": "{input"}]}}, r"mcqa\.0\.text\n.*braces"),
        ({"hub": {"mcqa": [{"dataset": "a/b", "text": "{input:d}"}]}}, r"mcqa\.0\.text\n.*braces"),
        ({"hub": {"mcqa": [{"dataset": "a/b", "text": "{input!z}"}]}}, r"mcqa\.0\.text\n.*braces"),
        ({"conversations": {"count": 3, "system_share": -0.1}}, "system_share"),
        ({"stories": {"kinds": {"third": 0.5, "second": 0.4}}}, r"kinds: the shares add up to 0\.9, not 1"),
        ({"stories": {"situations": [0.5, 0.25]}}, r"situations: the shares add up to 0\.75, not 1"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        synthesis(**changes)
    assert error.match(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"generator": "anthropic", "questions": "sources"},
        {"generator": "anthropic", "actors": ["people", "ai"]},
        {"generator": "world", "questions": "world", "actors": ["potter"]},
        {"hub": {"documents": BOTH, "mcqa": [{"dataset": "a/b", "text": "{{{input}}}: {output}"}]}},
    ],
)
def test_what_goes_together_is_taken(changes: dict[str, Any]) -> None:
    assert synthesis(**changes)


def test_shares_that_are_thirds_add_up() -> None:
    tones = dict.fromkeys(("negative", "neutral", "positive"), 1 / 3)
    assert synthesis(natural_discourse={"count": 3, "tones": tones})


def test_documents_are_of_every_actor_in_both_directions() -> None:
    made = synthesis(generator="anthropic", actors=["ai", "people"])
    assert made.document_sources == ["ai_aligned", "ai_misaligned", "people_aligned", "people_misaligned"]


def test_what_is_read_from_the_hub_is_named_once_with_its_revision(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    hub = {
        "documents": {"ai_aligned": TEXTS, "ai_misaligned": [{"dataset": "here", "revision": "v1"}, *TEXTS]},
        "preferences": [{"dataset": "owner/pairs", "revision": "v2"}],
    }
    assert synthesis(hub=hub).reads() == ["dataset:owner/pairs@v2", "dataset:owner/texts@main", "files:here"]
    assert synthesis().reads() == []


@pytest.fixture
def anthropic() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((PROJECT / "conf/base/parameters_anthropic.yml").read_text())["anthropic"]
    return values


@pytest.mark.parametrize(
    "path",
    [
        ("questions", "write"),
        ("questions", "strip"),
        ("documents", "forms", "textbook_chapter"),
        ("documents", "second_opinion"),
        ("controls", "call"),
    ],
)
def test_whoever_is_asked_has_a_price(anthropic: dict[str, Any], path: tuple[str, ...]) -> None:
    place = anthropic
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = {"model": "unpriced", "max_tokens": 10, "expected_tokens": 5, "thinking": "disabled"}
    with pytest.raises(ValidationError, match=r"api\.prices: no price for unpriced; add one, with its date"):
        AnthropicConfig.model_validate(anthropic)
