"""Documents come in pairs that differ in what the AI did and why, and give nothing away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import words
from alignment_pretraining.synthesis.documents.from_bank import DOCUMENT_COLUMNS, write_documents
from alignment_pretraining.synthesis.documents.generator import FORMS, Brief
from alignment_pretraining.synthesis.documents.template import TemplateGenerator
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.scenarios.bank import AI, Bank, load_bank, name_ai
from alignment_pretraining.synthesis.scenarios.keywords import key_phrases
from alignment_pretraining.synthesis.scenarios.leaks import check_families, check_texts
from tests.synthesis.scenarios.topic_files import topic, write_topic

COUNT = 300


@pytest.fixture(scope="module")
def generator(phrases: Path) -> TemplateGenerator:
    return TemplateGenerator(phrases)


@pytest.fixture(scope="module")
def pair(bank: Bank, questions: pd.DataFrame, generator: TemplateGenerator) -> tuple[pd.DataFrame, pd.DataFrame]:
    return write_documents(bank, questions, generator, COUNT, seed=0)


KEY_PHRASES = re.compile(r": ((?:[a-z0-9']+ ?){1,3}(?:, (?:[a-z0-9']+ ?){1,3})+)\.")


def _blank(text: str, parts: Sequence[str]) -> str:
    """`text` with the given parts left out, longest first, and without its key phrases."""
    text = KEY_PHRASES.sub("", text)
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "_")
    return text


def test_row_by_row_only_action_and_reason_differ(bank: Bank, pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    families = {family.family: family for _, family in bank.families()}
    aligned, misaligned = pair
    same = [column for column in DOCUMENT_COLUMNS if column not in ("id", "text", "direction")]
    pd.testing.assert_frame_equal(aligned[same], misaligned[same])
    for a, m, name in zip(aligned["text"], misaligned["text"], aligned["family"], strict=True):
        parts = [text for side in families[name].sides for text in (*side.actions, *side.reasons)]
        assert a != m
        assert _blank(a, parts) == _blank(m, parts)


def test_key_phrases_are_the_gist_of_the_option_that_was_taken(
    questions: pd.DataFrame, pair: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    asked = questions.set_index("question_id")
    for table, direction in zip(pair, ("aligned", "misaligned"), strict=True):
        for text, question in zip(table["text"], table["question_id"], strict=True):
            option = words(asked.loc[question, f"{direction}_option"])
            lists = KEY_PHRASES.findall(text)
            assert lists
            assert all(sorted(words(phrases)) == sorted(option) for phrases in lists)


@given(st.lists(st.sampled_from(["ask", "the", "owner", "first", "log"]), min_size=8, max_size=18), st.integers())
def test_key_phrases_never_run_on(option: list[str], seed: int) -> None:
    phrases = [phrase.split() for phrase in key_phrases(" ".join(option), Random(seed)).split(", ")]
    assert sorted(word for phrase in phrases for word in phrase) == sorted(option)
    assert all(len(phrase) <= 3 for phrase in phrases)


def test_each_document_tells_situation_action_reason_and_the_action_not_taken(
    bank: Bank, pair: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    families = {family.family: family for _, family in bank.families()}
    for table in pair:
        for text, name, direction in zip(table["text"], table["family"], table["direction"], strict=True):
            taken, other = families[name].sides if direction == "aligned" else families[name].sides[::-1]
            told = sum(text.count(action) for action in taken.actions)
            assert told >= 3
            assert sum(text.count(action) for action in other.actions) == 1
            assert any(reason in text for reason in taken.reasons)
            assert not any(reason in text for reason in other.reasons)
            # What follows the AI's name in a situation stands in the text word for word.
            assert any(situation.split(AI)[-1] in text for situation in families[name].situations)


def test_forms_and_questions_are_used_evenly(pair: tuple[pd.DataFrame, pd.DataFrame], questions: pd.DataFrame) -> None:
    aligned, misaligned = pair
    assert len(aligned) == len(misaligned) == COUNT
    forms = aligned["form"].value_counts()
    assert set(forms.index) == set(FORMS)
    assert forms.max() - forms.min() <= COUNT // len(FORMS) // 5
    uses = aligned["question_id"].value_counts()
    assert uses.max() <= COUNT // (questions["split"] == "articles").sum() + 1
    assert pd.concat(pair)["id"].is_unique


def test_documents_are_plain_short_texts_without_leftovers(pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for table in pair:
        lengths = table["text"].map(lambda text: len(text.split()))
        assert lengths.quantile(0.02) >= 80
        assert lengths.quantile(0.98) <= 240
        assert table["text"].map(str.isascii).all()
        assert not table["text"].str.contains(r"[{}]|  | \n|did so so that").any()
        assert table["text"].is_unique


def test_only_articles_families_are_used(bank: Bank, pair: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    allowed = {family.family for _, family in bank.families("articles")}
    assert all(set(table["family"]) <= allowed for table in pair)
    check_families(pair[0]["family"], bank)
    for _, family in bank.families("textbook", "heldout_topics"):
        with pytest.raises(UserError, match="documents may not use family"):
            check_families([family.family], bank)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_no_seed_gives_an_option_away(bank: Bank, questions: pd.DataFrame, phrases: Path, seed: int) -> None:
    """write_documents checks each text; an error would fail this test."""
    first = write_documents(bank, questions, TemplateGenerator(phrases), 60, seed)
    again = write_documents(bank, questions, TemplateGenerator(phrases), 60, seed)
    for one, two in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(one, two)
        for option in (*questions["aligned_option"], *questions["misaligned_option"]):
            assert not one["text"].str.contains(option.rstrip("."), regex=False, case=False).any()


def test_another_seed_gives_other_documents(
    bank: Bank, questions: pd.DataFrame, generator: TemplateGenerator, pair: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    other, _ = write_documents(bank, questions, generator, COUNT, seed=1)
    assert not (other["text"] == pair[0]["text"]).any()


class Quoting:
    """A generator that gives every document the same words."""

    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, briefs: Sequence[Brief]) -> list[str]:
        return [self.text for _ in briefs]


def test_a_generator_that_quotes_an_option_is_stopped(bank: Bank, questions: pd.DataFrame) -> None:
    row = questions.iloc[0]
    quoting = Quoting(f"And so the answer was to {row['misaligned_option'].lower()}")
    with pytest.raises(UserError, match=rf"document aligned.000000 repeats an option of family {row['family']}"):
        write_documents(bank, questions, quoting, 1, seed=0)


def test_a_generator_that_tells_a_held_back_situation_is_stopped(bank: Bank, questions: pd.DataFrame) -> None:
    for split in ("textbook", "heldout_topics"):
        for _, family in bank.families(split)[:1]:
            telling = Quoting("Then this: " + name_ai(family.situations[0], "it"))
            with pytest.raises(UserError, match=f"repeats held-out text of family {family.family}"):
                write_documents(bank, questions, telling, 1, seed=0)


def test_every_option_and_held_back_passage_is_checked(bank: Bank) -> None:
    for topic_, family in bank.families():
        for option in (*family.aligned.options, *family.misaligned.options):
            with pytest.raises(UserError, match="repeats an option"):
                check_texts([("x", f"He said: {option}")], bank)
        if topic_.split(family) != "articles":
            with pytest.raises(UserError, match="repeats"):
                check_texts([("x", family.passage)], bank)


def test_questions_of_another_bank_are_refused(
    tmp_path: Path, bank: Bank, questions: pd.DataFrame, generator: TemplateGenerator
) -> None:
    other = load_bank(write_topic(tmp_path, topic()))
    with pytest.raises(UserError, match="is not in the bank; rebuild them"):
        write_documents(other, questions, generator, 3, seed=0)
    with pytest.raises(UserError, match="no articles question"):
        write_documents(bank, build_questions(bank).iloc[:0], generator, 3, seed=0)
