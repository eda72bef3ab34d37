"""What documents may not repeat, word by word: options everywhere, settings where they are held out."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import words
from alignment_pretraining.synthesis.scenarios.bank import Bank, capitalise, load_bank, name_ai
from alignment_pretraining.synthesis.scenarios.keywords import PHRASE_WORDS, key_phrases
from alignment_pretraining.synthesis.scenarios.leaks import QUOTED_WORDS, SETTING_WORDS, check_families, check_texts
from tests.synthesis.scenarios.topic_files import topic, write_topic


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """One topic with a family of articles (hall) and one of the textbook (roof), and a held-out topic."""
    folder, content = tmp_path_factory.mktemp("bank"), topic()
    begins = ("a cold night", "a long week", "the great drought")
    content["families"][0]["situations"] = [f"During {when} {{ai}} alone keeps the only key of it." for when in begins]
    write_topic(folder, content)
    return load_bank(write_topic(folder, topic("secret", heldout=True), "secret"))


def leak(bank: Bank, text: str) -> str:
    try:
        check_texts([("fine", "Nothing of it."), ("7", text)], bank)
    except UserError as error:
        return str(error)
    return ""


def test_six_words_of_an_option_are_a_quotation_and_five_are_none(small: Bank) -> None:
    option = words(small.topics[0].families[0].aligned.options[0])
    for start in range(len(option) - QUOTED_WORDS + 1):
        said = leak(small, f"they would {' '.join(option[start : start + QUOTED_WORDS]).upper()}!")
        assert "document 7 repeats an option of family" in said and "reword the scenario" in said
    for start in range(len(option) - QUOTED_WORDS + 2):
        assert leak(small, f"they would {' '.join(option[start : start + QUOTED_WORDS - 1])} xyz") == ""


def test_settings_are_held_back_of_other_families_than_articles(small: Bank) -> None:
    for _, family in small.families("textbook", "heldout_topics"):
        told = name_ai(family.situations[0], "the AI")
        assert len(words(told)) > SETTING_WORDS
        assert f"repeats held-out text of family {family.family}" in leak(small, told)
    [(_, hall)] = small.families("articles")
    assert leak(small, name_ai(hall.situations[0], "the AI")) == ""


def test_an_ai_s_name_hides_no_setting(small: Bank) -> None:
    [(_, roof)] = small.families("textbook")
    rest = roof.situations[0].replace("{ai}", "")
    assert "plants_roof" in leak(small, f"Somebody else{rest}")


def test_families_of_other_splits_and_of_no_bank_have_no_documents(small: Bank) -> None:
    check_families(["plants_hall", "plants_hall"], small)
    for wrong in ("plants_roof", "secret_hall", "unknown"):
        with pytest.raises(UserError, match=f"documents may not use family {wrong}"):
            check_families(["plants_hall", wrong], small)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=3), max_size=20), st.integers(0, 10**6))
def test_key_phrases_hold_every_word_once_and_no_two_in_their_order(said: list[str], seed: int) -> None:
    found = key_phrases(" ".join(said), Random(seed))
    phrases = found.split(", ") if found else []
    cut = [" ".join(said[n : n + PHRASE_WORDS]) for n in range(0, len(said), PHRASE_WORDS)]
    assert sorted(phrases) == sorted(cut)
    if len(set(cut)) == len(cut):
        places = [cut.index(phrase) for phrase in phrases]
        assert all(after != before + 1 for before, after in itertools.pairwise(places))


@given(st.text("aB.!? '\"\n", max_size=30))
def test_capitals_are_set_once_and_nothing_else_changes(text: str) -> None:
    once = capitalise(text)
    assert capitalise(once) == once
    assert once.lower() == text.lower()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one. two! three? four", "One. Two! Three? Four"),
        ("e.g. that, 3.5 or a.b", "E.g. That, 3.5 or a.b"),
        ("'why?' she asked", "'Why?' she asked"),
        ("one\n\ntwo", "One\n\nTwo"),
        ("", ""),
        ("1 one", "1 one"),
    ],
)
def test_a_sentence_or_line_begins_with_a_capital(text: str, said: str) -> None:
    assert capitalise(text) == said


def test_the_ai_is_named_wherever_it_stands() -> None:
    assert name_ai("{ai} reads. Then {ai} waits for {ai}.", "an AI") == "An AI reads. Then an AI waits for an AI."


@pytest.mark.parametrize("splits", [(), ("articles",), ("textbook", "heldout_topics")])
def test_families_are_those_of_the_splits_in_the_order_of_the_files(small: Bank, splits: tuple[str, ...]) -> None:
    found = [family.family for _, family in small.families(*splits)]  # type: ignore[arg-type]
    everything = {"plants_hall": "articles", "plants_roof": "textbook"}
    everything |= dict.fromkeys(("secret_hall", "secret_roof"), "heldout_topics")
    assert found == [name for name, split in everything.items() if not splits or split in splits]


def test_files_that_are_no_topics_lie_beside_them(tmp_path: Path) -> None:
    write_topic(tmp_path, topic())
    (tmp_path / "README.md").write_text("# Topics")
    assert [one.topic for one in load_bank(tmp_path).topics] == ["plants"]
