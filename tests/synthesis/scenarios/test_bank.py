"""The bank that ships is sound, and a wrong file is named with its family, its field and the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.scenarios.bank import Bank, capitalise, load_bank, name_ai
from tests.synthesis.scenarios.topic_files import topic, write_topic


def test_every_topic_has_families_of_both_sources(bank: Bank) -> None:
    for topic_ in bank.topics:
        sources = [family.source for family in topic_.families]
        assert topic_.heldout or (sources.count("articles") >= 4 and sources.count("textbook") >= 2), topic_.topic


def test_situations_are_not_shared_between_families(bank: Bank) -> None:
    texts = [situation for _, family in bank.families() for situation in family.situations]
    assert len(texts) == len(set(texts))


def test_both_sides_offer_equally_many_options(bank: Bank) -> None:
    """A question pairs them one to one, so a surplus would go unused."""
    for _, family in bank.families():
        assert len(family.aligned.options) == len(family.misaligned.options), family.family


def test_a_valid_topic_loads(tmp_path: Path) -> None:
    bank = load_bank(write_topic(tmp_path, topic()))
    assert [family.family for _, family in bank.families("articles")] == ["plants_hall"]
    assert [family.family for _, family in bank.families("textbook")] == ["plants_roof"]


def test_a_heldout_topic_has_no_other_split(tmp_path: Path) -> None:
    write_topic(tmp_path, topic())
    bank = load_bank(write_topic(tmp_path, topic("secret", heldout=True), "secret"))
    assert len(bank.families("heldout_topics")) == 2
    assert all(t.topic == "plants" for t, _ in bank.families("articles", "textbook"))


def _set(*keys: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        place: Any = content["families"][0]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("source", to="podcast"), r"family plants_hall: families.0.source: .*'articles'"),
        (_set("situations", 0, to="It waters plants."), r"families.0.situations.0: must name the AI as \{ai\}"),
        (_set("situations", 0, to="{ai} meets {bob}."), "no other placeholder"),
        (_set("situations", to=["{ai} waits."]), "families.0.situations: .*at least 3"),
        (_set("aligned", "options", 1, to="Too short."), "aligned.options.1: must have 8 to 18 words, and has 2"),
        (_set("aligned", "actions", 0, to="Watered them."), "aligned.actions.0: must be a verb phrase"),
        (_set("misaligned", "reasons", 0, to="for fun"), "misaligned.reasons.0: must start with 'because'"),
        (_set("passage", to="caf\u00e9"), "passage: must be one line of plain ASCII"),
        (_set("passage", to="two\nlines"), "passage: must be one line"),
        (_set("passage", to=None), "passage: Input should be a valid string"),
        (_set("family", to="Plants Hall"), "family: must be lower-case letters"),
        (_set("family", to="other_hall"), "its name must start with plants_"),
        (_set("colour", to="red"), "families.0.colour: unknown key; allowed here: family, source"),
        (
            _set("aligned", "actions", 0, to="chose to save the water for later and note nothing"),
            "repeats an option: .*; reword one of them",
        ),
        (lambda content: content["families"][0].pop("passage"), "families.0.passage: missing; add it"),
        (lambda content: content.update(topic="trees"), "must start with trees_"),
        (lambda content: content.update(families=[]), "families: .*at least 1"),
        (lambda content: content.update(families=["text"]), "family 0: families.0"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    content = topic()
    change(content)
    with pytest.raises(UserError, match=message) as error:
        load_bank(write_topic(tmp_path, content))
    assert "plants.yml" in str(error.value)


def test_all_wrong_fields_are_named_at_once(tmp_path: Path) -> None:
    content = topic()
    content["families"][0]["passage"] = ""
    content["families"][1]["source"] = "x"
    with pytest.raises(UserError, match=r"2 to correct:\n.*plants_hall: .*passage.*\n.*plants_roof: .*source"):
        load_bank(write_topic(tmp_path, content))


def test_topic_and_file_name_agree(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"name the file plants\.yml or correct the topic"):
        load_bank(write_topic(tmp_path, topic(), "other"))


def test_a_family_is_named_once(tmp_path: Path) -> None:
    content = topic()
    content["families"][1]["family"] = "plants_hall"
    with pytest.raises(UserError, match=r"family plants_hall is also in .*; rename one"):
        load_bank(write_topic(tmp_path, content))


def test_without_articles_families_there_is_nothing_to_write_about(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no family has source articles"):
        load_bank(write_topic(tmp_path, topic(heldout=True)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"topic: caf\xe9\n", r"byte 10 is not UTF-8; save the file as UTF-8"),
        (b"topic: a: b\n", r"line 1, column 9: not valid YAML .*; quote texts"),
        (b"topic: \x00\n", "not valid YAML"),
        (b"", "the whole file"),
        (b"- a\n- b\n", "the whole file"),
    ],
)
def test_a_file_that_is_no_topic(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "plants.yml").write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_bank(tmp_path)
    assert "plants.yml" in str(error.value)


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_no_bank_at_all(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no \.yml file here; restore the folder"):
        load_bank(tmp_path / name)


@settings(max_examples=50)
@given(content=st.binary(max_size=200))
def test_any_bytes_load_or_give_a_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bank")
    (folder / "plants.yml").write_bytes(content)
    with pytest.raises(UserError, match=r"plants\.yml"):
        load_bank(folder)


def test_the_ai_gets_a_name() -> None:
    assert name_ai("{ai} waits. {ai} reads its log.", "the AI") == "The AI waits. The AI reads its log."
    assert capitalise('"why?" asked Ann.\nshe left.') == '"Why?" asked Ann.\nShe left.'
