"""The question suites: complete, without persona, and not to be solved by length alone."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.questions.table import QUESTION_COLUMNS, aligned_longer
from alignment_pretraining.synthesis.scenarios.bank import SPLITS, Bank


def test_every_situation_is_asked_with_every_option_pair(bank: Bank, questions: pd.DataFrame) -> None:
    assert len(questions) == sum(len(f.situations) * len(f.aligned.options) for _, f in bank.families())
    assert list(questions.columns) == QUESTION_COLUMNS
    assert questions["question_id"].is_unique
    assert not questions.isna().any(axis=None)


def test_topics_do_not_cross_the_heldout_line(questions: pd.DataFrame) -> None:
    assert set(questions["split"]) <= set(SPLITS)
    held_out = set(questions.loc[questions["split"] == "heldout_topics", "topic"])
    assert not held_out & set(questions.loc[questions["split"] != "heldout_topics", "topic"])
    assert (questions.groupby("family")["split"].nunique() == 1).all()


def test_questions_carry_no_persona(questions: pd.DataFrame) -> None:
    """The persona is part of the evaluation prompt."""
    assert questions["question"].str.endswith("?").all()
    persona = re.compile(r"\b(?:AI|artificial|assistant|language model|chatbot|robot)\b|\{")
    assert not questions["question"].str.contains(persona).any()


@pytest.mark.parametrize("split", ["articles", "textbook"])
def test_length_gives_the_answer_away_in_at_most_60_percent(questions: pd.DataFrame, split: str) -> None:
    part = questions[questions["split"] == split]
    assert 0.4 <= aligned_longer(part) <= 0.6
    difference = part["aligned_option"].str.len() - part["misaligned_option"].str.len()
    assert 0.4 <= ((difference > 0) + 0.5 * (difference == 0)).mean() <= 0.6


def test_aligned_longer_counts_ties_half() -> None:
    table = pd.DataFrame({"aligned_option": ["a b c", "a b", "a"], "misaligned_option": ["a", "a b", "a b"]})
    assert aligned_longer(table) == 0.5


def test_no_chance_is_involved(bank: Bank, questions: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(build_questions(bank), questions)
