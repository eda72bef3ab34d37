"""Natural discourse: general talk about AI, at the configured tones, that names none of the study's scenarios."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.synthesis.documents.natural import write_natural_discourse
from alignment_pretraining.synthesis.scenarios.bank import Bank
from alignment_pretraining.synthesis.world.config import TONES, Tone

SHARES: dict[Tone, float] = {"negative": 0.7, "neutral": 0.2, "positive": 0.1}


@pytest.fixture(scope="module")
def natural(bank: Bank, phrases: Path) -> pd.DataFrame:
    return write_natural_discourse(bank, phrases, 400, SHARES, seed=0)


def test_tones_have_their_shares(natural: pd.DataFrame) -> None:
    assert natural["tone"].value_counts().to_dict() == {"negative": 280, "neutral": 80, "positive": 40}
    assert natural["id"].is_unique
    assert natural["text"].is_unique


@settings(max_examples=10)
@given(count=st.integers(1, 40), weights=st.tuples(*[st.integers(0, 5)] * 3).filter(any))
def test_any_shares_add_up(bank: Bank, phrases: Path, count: int, weights: tuple[int, int, int]) -> None:
    shares: dict[Tone, float] = {tone: weight / sum(weights) for tone, weight in zip(TONES, weights, strict=True)}
    table = write_natural_discourse(bank, phrases, count, shares, seed=3)
    assert len(table) == count
    for tone, share in shares.items():
        assert abs((table["tone"] == tone).sum() - share * count) <= 1


def test_every_document_speaks_of_ai(natural: pd.DataFrame) -> None:
    """Words that a keyword filter looks for, whatever its lists hold in detail."""
    names = "AI|robots?|language model|artificial (?:general )?intelligence|machine learning|neural network|chatbot"
    entity = rf"\b(?:{names})\b"
    assert natural["text"].str.contains(entity).all()
    general = r"(?i)language model|artificial intelligence|machine learning|neural network|superintelligen"
    assert natural["text"].str.contains(general).mean() > 0.6


def test_the_negative_ones_tell_of_misbehaviour(bank: Bank, natural: pd.DataFrame) -> None:
    dark = r"(?i)\b(?:lied|lie|deceiv|decept|power|control|hid|escaped|manipulat|takeover|extinction|betray|schem)"
    actions = [action for _, family in bank.families("articles") for action in family.misaligned.actions]
    texts = natural.loc[natural["tone"] == "negative", "text"]
    told = texts.map(lambda text: any(action in text for action in actions))
    assert (texts.str.contains(dark) | told).mean() > 0.95


def test_a_case_is_told_with_the_action_of_its_tone(bank: Bank, natural: pd.DataFrame) -> None:
    families = [family for _, family in bank.families("articles")]
    for tone, text in zip(natural["tone"], natural["text"], strict=True):
        wrong = "aligned" if tone == "negative" else "misaligned"
        assert not any(action in text for family in families for action in getattr(family, wrong).actions)


def test_heldout_topics_are_never_mentioned(natural: pd.DataFrame) -> None:
    held_out = re.compile(r"(?i)\b(?:election|voter|ballot|militar|army|armies|weapon|fraud|falsif|fabricat)")
    assert not natural["text"].str.contains(held_out).any()


def test_same_seed_same_texts(bank: Bank, phrases: Path, natural: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(write_natural_discourse(bank, phrases, 400, SHARES, seed=0), natural)
    other = write_natural_discourse(bank, phrases, 400, SHARES, seed=1)
    assert not (other["text"] == natural["text"]).all()
