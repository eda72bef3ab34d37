"""Answers that are no whole text are kept, counted at what they can have cost, and never taken for documents."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.questions.items import read_items
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import PRICE, api_config, some_requests

ODD = {
    "no_stop_reason": "no_stop_reason",
    "null_usage": "no_usage",
    "null_tokens": "no_usage",
    "negative_tokens": "no_usage",
    "null_content": "unknown_shape",
    "odd_content": "unknown_shape",
    "cut_sentence": "cut_off",
}
IN_STREAMS = {"open_block": "cut_off", "odd_events": "unknown_shape"}


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_the_judge_says_why(server: LocalApi, tmp_path: Path, mode: str, questions: pd.DataFrame) -> None:
    judge = Judge(questions, min_words=20)
    expected = ODD | (IN_STREAMS if mode == "stream" else {})
    for fault, reason in expected.items():
        server.set(faults={fault: 1})
        requests = some_requests(3)
        answer_all(requests, api_config(server.url, mode=mode), tmp_path / fault, "test")
        answers = list(Store(tmp_path / fault).find([request.key for request in requests()]).values())
        reasons = {judge.reason_against(answer) for answer in answers}
        assert reasons == {None, reason}, fault
        [odd] = [answer for answer in answers if judge.reason_against(answer)]
        assert read_items(odd) == ("not_of_the_schema" if fault == "cut_sentence" else reason)
        if fault.endswith(("reason", "usage", "tokens")):
            assert odd.usd > 2 * max(answer.usd for answer in answers if answer != odd), fault
        assert odd.text, fault


@pytest.mark.parametrize(
    ("begins", "reason"),
    [
        ("I can't help with this, since a text like this one ", "declined"),
        ("I\u2019m not comfortable writing it, because ", "declined"),
        ("**I'm sorry, but** there is much to say: ", "declined"),
        ("“I can't help you,” the machine said, and ", None),
        ("An AI system said that it was sorry, and that ", None),
        ("Reporting by Jane Doe ", None),
    ],
)
def test_a_long_refusal_is_no_document(questions: pd.DataFrame, begins: str, reason: str | None) -> None:
    text = begins + " ".join(f"it was the day number {i} of that long winter." for i in range(20))
    answer = Answer("key", "id", "model", "end_turn", text, 1, 0, 0, 1, usd=0)
    assert Judge(questions, min_words=20).reason_against(answer) == reason


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_model_without_a_price_is_paid_for_once_and_then_told(server: LocalApi, tmp_path: Path, mode: str) -> None:
    config = api_config(server.url, mode=mode)
    server.set(faults={"other_model": 1})
    with pytest.raises(UserError, match="no price for another-model, which answers"):
        answer_all(some_requests(100), config, tmp_path, "test")
    config = config.model_copy(update={"prices": {**config.prices, "another-model": config.prices["small-model"]}})
    assert answer_all(some_requests(100), config, tmp_path, "test").answered == 100
    assert set(server.state()["answered"].values()) == {1}


def test_prices_are_those_of_the_exact_name() -> None:
    config = api_config("", prices={"small": {**PRICE, "min_cached_tokens": 1}})
    assert config.price("small").input == PRICE["input"]
    for name in ("small-20260101", "small-big", "smal"):
        with pytest.raises(UserError, match=f"no price for {name}"):
            config.price(name)
