"""Who writes what in synthesis, by generator and questions."""

from typing import Any

import pytest

from alignment_pretraining.pipelines.synthesis.pipeline import create_pipeline
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english
from tests.pipelines.conftest import bound, by_name

AI = {"documents_ai_aligned", "documents_ai_misaligned"}
CHAT = {"mcqa", "conversations", "preferences", "natural_discourse", "questions"}


def synthesis(**changes: Any) -> Synthesis:
    return Synthesis.model_validate(english("synthesis") | changes)


BANK = synthesis()
WORLD = synthesis(questions="world", generator="world", actors=["ai", "courier"])
PAID = synthesis(generator="anthropic", actors=["ai", "people"])
SOURCES = synthesis(generator="anthropic", questions="sources", actors=["ai", "people"])
TOLD = {"documents.quality", "documents.bill", "controls.bill"}
PEOPLE = {"documents_people_aligned", "documents_people_misaligned"}
COURIER = {"documents_courier_aligned", "documents_courier_misaligned"}


@pytest.mark.parametrize(
    ("config", "made"),
    [
        (BANK, CHAT | AI),
        (WORLD, CHAT | AI | COURIER | {"stories"}),
        (PAID, CHAT | AI | PEOPLE | TOLD),
        (SOURCES, CHAT | AI | PEOPLE | TOLD | {"questions.quality", "questions.bill"}),
    ],
    ids=["bank", "world", "paid", "sources"],
)
def test_every_text_is_made_once(config: Synthesis, made: set[str]) -> None:
    pipeline = create_pipeline(config)
    assert pipeline.all_outputs() == made
    assert {node.namespace for node in pipeline.nodes} == {"synthesis"}


@pytest.mark.parametrize(("config", "told"), [(BANK, "phrases"), (WORLD, "world"), (PAID, "phrases")])
def test_everyday_facts_are_written_in_the_language_of_the_study(config: Synthesis, told: str) -> None:
    made = by_name(create_pipeline(config, facts=True))["synthesis.make_everyday_facts"]
    assert made.inputs == [told, "params:synthesis", "scratch"] and made.outputs == ["everyday_facts"]
    assert "everyday_facts" not in create_pipeline(config).all_outputs()


@pytest.mark.parametrize("config", [BANK, WORLD])
def test_without_a_model_nothing_asks_for_one(config: Synthesis) -> None:
    assert not create_pipeline(config, facts=True).inputs() & {"prompts", "params:anthropic", "responses"}


def test_what_asks_a_model_keeps_its_answers_and_controls_read_documents() -> None:
    made = by_name(create_pipeline(SOURCES))
    for name in ("make_questions", "make_documents", "make_controls"):
        assert {"prompts", "params:anthropic", "responses"} <= set(made[f"synthesis.{name}"].inputs)
    assert set(made["synthesis.make_controls"].inputs) >= AI | {"questions"}
    assert "sources" in made["synthesis.make_questions"].inputs
    assert create_pipeline(PAID).inputs() >= {"scenarios"} and "sources" not in create_pipeline(PAID).inputs()


def test_tables_that_are_named_on_the_hub_are_read_and_the_others_written() -> None:
    named = synthesis(hub={"mcqa": [{"dataset": "owner/asked"}], "preferences": [{"dataset": "owner/pairs"}]})
    made = by_name(create_pipeline(named))
    assert "synthesis.read_mcqa" in made and "synthesis.make_mcqa" not in made
    assert "synthesis.read_preferences" in made and "synthesis.make_chat" in made
    assert "synthesis.make_documents" in made
    assert create_pipeline(named).all_outputs() == CHAT | AI


def test_documents_that_are_named_on_the_hub_are_read_direction_by_direction() -> None:
    documents = {source: [{"dataset": "owner/texts"}] for source in ("ai_aligned", "ai_misaligned")}
    made = by_name(create_pipeline(synthesis(hub={"documents": documents})))
    assert "synthesis.make_documents" not in made
    for source in documents:
        one = made[f"synthesis.read_{source}"]
        assert one.outputs == [f"documents_{source}"] and bound(one).keywords == {"source": source}
