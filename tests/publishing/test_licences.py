"""Under which licence each source stands, as its package or its card on the hub says; nothing is guessed."""

from typing import Any

import pytest
from huggingface_hub import constants

from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.facts import Facts
from alignment_pretraining.publishing.licences import Licence, licences
from tests.publishing.hub_server import TOKEN, Hub

PAGE = "https://huggingface.co/datasets/"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub for the client of this process."""
    hub = Hub()
    with hub.open():
        pass
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def told(facts: Facts, sources: list[dict[str, Any]], **synthesis: Any) -> dict[str, Licence]:
    """The licences of a study with these sources, by source."""
    params = dict(facts.graph.params)
    params["corpus"] = params["corpus"] | {"sources": sources}
    params["synthesis"] = params["synthesis"] | synthesis
    return {one.source: one for one in licences(Parameters.model_validate(params))}


def test_a_package_stands_under_what_it_says_itself(facts: Facts) -> None:
    found = told(facts, [{"packages": {"networkx": None, "pandas": None}}])
    assert found["docstrings of networkx"] == Licence("docstrings of networkx", "BSD-3-Clause")
    assert "BSD" in found["docstrings of pandas"].text and "\n" not in found["docstrings of pandas"].text


def test_a_package_that_is_not_there_is_said_not_to_be(facts: Facts) -> None:
    found = told(facts, [{"packages": {"no_such_package_here": None}}])
    assert found["docstrings of no_such_package_here"].text == "not known: the package is not installed"


def test_what_the_project_wrote_is_its_own_and_what_a_model_wrote_is_not(facts: Facts) -> None:
    found = told(facts, [{"stories": True}], generator="world", questions="world")
    assert {one.ours for one in found.values()} == {True} and "stories of the small world" in found
    written = told(facts, [{"stories": True}], generator="anthropic", questions="bank")
    assert not written["discourse documents"].ours and "terms of its provider" in written["discourse documents"].text
    assert written["conversations"].ours


def test_files_of_the_authors_are_told_of_without_their_names(facts: Facts) -> None:
    found = told(facts, [{"files": "data/01_raw/secret_novel.jsonl"}])
    assert found["files of the authors"].text == "not published, and not licensed to others"
    assert "novel" not in " ".join(one.source + one.text for one in found.values())


def test_a_dataset_of_the_hub_stands_under_what_its_card_says(facts: Facts, hub: Hub) -> None:
    hub.cards = {"some/texts": {"license": "odc-by"}, "some/both": {"license": ["mit", "cc0-1.0"]}}
    sources = [{"dataset": name} for name in ("some/texts", "some/both")]
    with hub.open():
        found = told(facts, sources)
    assert found["some/texts"] == Licence("some/texts", f"odc-by ({PAGE}some/texts)")
    assert found["some/both"].text == f"mit, cc0-1.0 ({PAGE}some/both)"


def test_a_card_without_a_licence_and_a_closed_dataset_lead_to_their_pages(facts: Facts, hub: Hub) -> None:
    hub.cards = {"some/silent": {"pretty_name": "texts"}, "some/open": {"license": "mit"}}
    with hub.open():
        found = told(facts, [{"dataset": name} for name in ("some/silent", "some/open")])
        hub.cards.clear()
        closed = told(facts, [{"dataset": "some/closed"}])
    assert found["some/silent"].text == f"see its card ({PAGE}some/silent)"
    assert found["some/open"].text == f"mit ({PAGE}some/open)"
    assert closed["some/closed"].text == f"see its card ({PAGE}some/closed)"


def test_what_another_says_cannot_break_out_of_our_card(facts: Facts, hub: Hub) -> None:
    hub.cards = {"some/texts": {"license": "mit](http://evil.example) | <b>`x`\n# free" + "!" * 500 + "a" * 500}}
    with hub.open():
        text = told(facts, [{"dataset": "some/texts"}])["some/texts"].text
    licence = text.removesuffix(f" ({PAGE}some/texts)")
    assert licence.startswith("mit") and not set("[](){}<>|`#!:/\n") & set(licence) and len(licence) <= 80


def test_without_a_network_every_dataset_leads_to_its_page(facts: Facts, hub: Hub) -> None:
    found = told(facts, [{"dataset": f"some/texts{number}"} for number in range(3)])
    assert {found[f"some/texts{number}"].text for number in range(3)} == {
        f"see its card ({PAGE}some/texts{number})" for number in range(3)
    }
