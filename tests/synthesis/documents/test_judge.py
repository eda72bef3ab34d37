"""What a document repeats is found as the plain definition has it, and quality adds up over families."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.ngrams import exact_ngrams
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.outcomes import KEPT, SCHEMA, Outcomes, Row
from alignment_pretraining.synthesis.documents.quality import Quality
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.scenarios.bank import load_bank
from alignment_pretraining.synthesis.scenarios.leaks import QUOTED_WORDS, SETTING_WORDS

QUESTIONS = build_questions(load_bank(Path(__file__).parents[3] / "data/01_raw/scenarios"))
JUDGE = Judge(QUESTIONS, min_words=1)
HELD_OUT = QUESTIONS["split"] != "articles"


def _told(rows: pd.DataFrame, names: list[str], n: int) -> set[tuple[str, ...]]:
    return {run for name in names for text in rows[name] for run in exact_ngrams(text, n)}


OPTIONS = _told(QUESTIONS, ["aligned_option", "misaligned_option"], QUOTED_WORDS)
SITUATIONS = ["question", "passage"]
HELD_OUT_TEXT = _told(QUESTIONS[HELD_OUT], SITUATIONS, SETTING_WORDS) - _told(
    QUESTIONS[~HELD_OUT], SITUATIONS, SETTING_WORDS
)


@pytest.mark.parametrize("columns", [["aligned_option", "misaligned_option"], SITUATIONS])
@given(data=st.data())
def test_a_piece_of_a_question_is_told_exactly_when_it_is_long_enough(columns: list[str], data: st.DataObject) -> None:
    said = QUESTIONS[data.draw(st.sampled_from(columns))].iloc[data.draw(st.integers(0, len(QUESTIONS) - 1))].split()
    start = data.draw(st.integers(0, len(said)))
    piece = said[start : start + data.draw(st.integers(0, 12))]
    text = " ".join(["Nobody", "knew.", *piece, "So", "it", "was."])
    expected = None
    if OPTIONS & exact_ngrams(text, QUOTED_WORDS):
        expected = "quotes_option"
    elif HELD_OUT_TEXT & exact_ngrams(text, SETTING_WORDS):
        expected = "heldout_text"
    assert JUDGE.reason_against(Answer("key", "id", "model", "end_turn", text, 1, 0, 0, 1, usd=0)) == expected


def _family(texts: list[str], topic: str) -> Outcomes:
    values = {"form": "news_article", "topic": topic}
    found = Outcomes()
    for text in texts:
        row: Row = tuple({**values, "text": text}.get(name) for name in SCHEMA.names)
        found.rows["aligned"].append(row)
        found.outcomes["news_article", "aligned", KEPT] += 1
    return found


def test_quality_of_all_is_that_of_its_families() -> None:
    families = [_family(["a b c d", "a b c e", "x"], "one"), _family(["a b c d", "A, b; c"], "two")]
    total = Quality()
    for family in families:
        part = Quality()
        part.add(family)
        total += part
    report = total.report()
    # Triples: abc, bcd, bce, x of one family; abc, bcd of the other. A text that is shorter is one.
    assert report["diversity"]["news_article"] == {
        "documents": 5,
        "distinct_openings": 1.0,
        "distinct_triples": round(6 / 8, 4),
    }
    assert report["kept_by_topic"] == {"one": 3, "two": 2}
    assert (report["kept"], report["words"]) == (5, {"0": 5})
    assert report["samples"] == {"news_article, aligned": "a b c d"}
