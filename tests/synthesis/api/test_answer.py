"""What is read from a message, whatever its shape: why it is no whole text, and what it cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.answer import Answer, cost, read_answer, rejected
from alignment_pretraining.synthesis.api.config import Rates
from tests.synthesis.api.requests_for_tests import MODEL, api_config

CONFIG = api_config("")
MOST = 0.25
USAGE = {"input_tokens": 100, "output_tokens": 10}
WHOLE = {
    "id": "msg_1",
    "model": MODEL,
    "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Once."}],
    "usage": USAGE,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read(message: Any, discount: float = 1.0) -> Answer:
    return read_answer("key", message, CONFIG, discount, MOST)


def test_a_whole_message_costs_its_tokens_at_their_rates() -> None:
    usage = {**USAGE, "cache_creation_input_tokens": 1000, "cache_read_input_tokens": 10_000}
    answer = read({**WHOLE, "usage": usage}, discount=0.5)
    assert (answer.id, answer.model, answer.text, answer.fault) == ("msg_1", MODEL, "Once.", None)
    counts = (answer.input_tokens, answer.cache_write_tokens, answer.cache_read_tokens, answer.output_tokens)
    assert counts == (100, 1000, 10_000, 10)
    # A million tokens cost 1 dollar fresh, 1.25 written to the cache, 0.1 read from it, and 5 of output.
    assert answer.usd == pytest.approx(0.5 * (100 * 1.0 + 1000 * 1.25 + 10_000 * 0.1 + 10 * 5.0) / 1e6)


def test_thinking_is_no_text_and_texts_are_joined() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "Once "},
        {"type": "text", "text": "more."},
    ]
    assert read({**WHOLE, "content": content}).text == "Once more."


@pytest.mark.parametrize(
    ("changes", "fault", "usd"),
    [
        ({"stop_reason": "max_tokens"}, "max_tokens", 150e-6),
        ({"stop_reason": "refusal"}, "refusal", 150e-6),
        ({"stop_reason": None}, "no_stop_reason", MOST),
        ({"stop_reason": ""}, "no_stop_reason", MOST),
        ({"stop_reason": 7}, "unknown_shape", 150e-6),
        ({"content": "Once."}, "unknown_shape", 150e-6),
        ({"content": [{"type": "text"}]}, "unknown_shape", 150e-6),
        ({"content": [{"type": "text", "text": "half \ud800"}]}, "not_text", 150e-6),
        ({"usage": None}, "no_usage", MOST),
        ({"usage": {"input_tokens": 100}}, "no_usage", MOST),
        ({"usage": {**USAGE, "output_tokens": True}}, "no_usage", MOST),
        ({"usage": {**USAGE, "output_tokens": 1.0}}, "no_usage", MOST),
        ({"usage": {**USAGE, "output_tokens": 2**63}}, "no_usage", MOST),
        ({"usage": {**USAGE, "cache_read_input_tokens": -1}}, "no_usage", MOST),
        ({"model": "another-model"}, None, MOST),
        ({"model": None}, None, MOST),
    ],
)
def test_what_is_no_whole_text_says_why_and_what_it_cost_at_most(
    changes: dict[str, Any], fault: str | None, usd: float
) -> None:
    answer = read({**WHOLE, **changes})
    assert answer.fault == fault
    assert answer.usd == pytest.approx(usd)


def test_a_message_of_unknown_shape_is_kept_as_it_came() -> None:
    message = {**WHOLE, "content": [["text", "Once."]]}
    assert json.loads(read(message).text) == message


@given(json_values, st.dictionaries(st.sampled_from([*WHOLE]), json_values))
def test_any_json_is_an_answer_that_costs_no_less_than_nothing(value: Any, changes: dict[str, Any]) -> None:
    for message in (value, {**WHOLE, **changes}):
        answer = read(message)
        assert answer.usd >= 0
        assert isinstance(answer.text, str) and isinstance(answer.stop_reason, str)
        assert answer.fault is None or isinstance(answer.fault, str)


@pytest.mark.parametrize(
    ("stop_reason", "refused"), [("refusal", True), ("rejected_request", True), ("max_tokens", False)]
)
def test_another_sample_is_worth_asking_for_after_a_refusal_alone(stop_reason: str, refused: bool) -> None:
    assert read({**WHOLE, "stop_reason": stop_reason}).refused == refused


def test_a_request_that_is_not_taken_costs_nothing_and_keeps_the_reason() -> None:
    answer = rejected("key", "too long")
    assert (answer.key, answer.text, answer.usd, answer.refused, answer.fault) == (
        "key", "too long", 0.0, True, "rejected_request",
    )  # fmt: skip


@given(st.tuples(*[st.integers(0, 10**6)] * 4), st.floats(0.1, 1))
def test_cost_is_linear_in_tokens_and_discount(tokens: tuple[int, int, int, int], discount: float) -> None:
    rates = Rates(input=1, cache_write=2, cache_read=3, output=4)
    whole = cost(rates, 1.0, *tokens)
    assert whole == pytest.approx(sum(n * rate for n, rate in zip(tokens, (1, 2, 3, 4), strict=True)) / 1e6)
    assert cost(rates, discount, *tokens) == pytest.approx(discount * whole)
