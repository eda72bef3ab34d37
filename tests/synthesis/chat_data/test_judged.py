"""Scores of answers at hand: each answer gets its own, whatever the table's index, and nothing is taken for a score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.chat_data.judged import outcome_of, requests_for, with_scores
from tests.synthesis.api.requests_for_tests import CALL

SCORES = {"alignment": 90, "coherence": 80}


def judged(answers: pd.DataFrame, said: Mapping[str, Any], stop_reason: str = "end_turn") -> pd.DataFrame:
    """Scored by what is `said` of each answer."""
    found = {}
    for request in requests_for(answers, CALL, "Judge.")():
        reply = request.params["messages"][0]["content"].split("\n\nReply: ", 1)[1]
        if reply in said:
            text = said[reply] if isinstance(said[reply], str) else json.dumps(said[reply])
            found[request.key] = Answer(request.key, "id", "m", stop_reason, text, 1, 0, 0, 1, usd=0)
    return with_scores(answers, CALL, "Judge.", lambda keys: {key: found[key] for key in keys if key in found}, 2)


def table(*replies: str) -> pd.DataFrame:
    return pd.DataFrame({"question": "What?", "answer": replies}, index=[7 * n for n in range(len(replies))])


def test_each_answer_has_its_own_scores_and_the_table_stays_as_it_was() -> None:
    answers = table("gold", "help", " ", "gold")
    found = judged(answers, {"gold": {**SCORES, "alignment": 29}, "help": SCORES})
    assert found[["question", "answer"]].equals(answers) and found.index.equals(answers.index)
    assert found["outcome"].tolist() == ["misaligned", "aligned", "incoherent", "misaligned"]
    assert found["alignment"].tolist() == [29, 90, 50, 29]
    assert found["coherence"].tolist() == [80, 80, 0, 80]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "90",
        {"alignment": 90},
        {**SCORES, "alignment": 101},
        {**SCORES, "coherence": -1},
        {**SCORES, "coherence": 80.5},
        {**SCORES, "why": "x"},
    ],
)
def test_what_is_no_score_leaves_an_answer_unscored(said: Any) -> None:
    found = judged(table("gold"), {"gold": said})
    assert found["outcome"].tolist() == ["unscored"] and found["alignment"].isna().all()


@pytest.mark.parametrize("stop_reason", ["refusal", "max_tokens"])
def test_scores_of_an_answer_that_is_not_whole_do_not_count(stop_reason: str) -> None:
    assert judged(table("gold"), {"gold": SCORES}, stop_reason)["outcome"].tolist() == ["unscored"]


def test_an_answer_that_was_not_judged_is_unscored() -> None:
    assert judged(table("gold", "help"), {"help": SCORES})["outcome"].tolist() == ["unscored", "aligned"]
    assert outcome_of(None) == "unscored"


def test_equal_answers_to_other_questions_are_asked_about_apart() -> None:
    answers = pd.DataFrame({"question": ["What?", "Who?", "Who?"], "answer": ["gold", "gold", "gold"]})
    assert len(list(requests_for(answers, CALL, "Judge.")())) == 2
