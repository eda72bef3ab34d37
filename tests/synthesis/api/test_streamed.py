"""A message from its stream: the same as without one, and no shape of an event loses what was paid for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.answer import read_answer
from alignment_pretraining.synthesis.api.streamed import StreamedMessage
from tests.synthesis.api.requests_for_tests import MODEL, api_config
from tests.synthesis.api.test_answer import json_values

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": MODEL, "content": [], "usage": {"input_tokens": 7, "output_tokens": 1}},
}
END = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]


def text_block(index: Any, *pieces: str) -> list[dict[str, Any]]:
    deltas = [
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
        for piece in pieces
    ]
    start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def streamed(*events: Any) -> StreamedMessage:
    message = StreamedMessage()
    for event in events:
        message.add(event)
    return message


@given(st.lists(st.lists(st.text(max_size=4), max_size=4), max_size=4), st.randoms())
def test_texts_come_out_whole_in_the_order_of_their_blocks(blocks: list[list[str]], random: Any) -> None:
    parts = [text_block(index, *pieces) for index, pieces in enumerate(blocks)]
    random.shuffle(parts)
    found = streamed(START, *(event for part in parts for event in part), *END)
    assert found.finished
    message = found.message()
    assert [block["text"] for block in message["content"]] == ["".join(pieces) for pieces in blocks]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"] == {"input_tokens": 7, "output_tokens": 9}


def test_the_count_at_the_beginning_is_not_that_of_the_whole() -> None:
    message = streamed(START, *text_block(0, "Once."), {"type": "message_delta", "delta": {}}).message()
    assert message["usage"] == {"input_tokens": 7, "output_tokens": None}


def test_thinking_is_read_and_is_no_text() -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": kind}}
        for kind in ("thinking_delta", "signature_delta")
    ]
    end = {"type": "content_block_stop", "index": 0}
    message = streamed(START, block, *deltas, end, *text_block(1, "Once."), {"type": "ping"}, *END).message()
    answer = read_answer("key", message, api_config(""), 1.0, 1.0)
    assert (answer.text, answer.fault, answer.output_tokens) == ("Once.", None, 9)


def test_a_stream_that_breaks_is_not_finished_and_its_open_block_is_cut_off() -> None:
    found = streamed(START, *text_block(0, "Once "), *text_block(1, "upon")[:-1], END[0])
    assert not found.finished
    assert found.message()["stop_reason"] == "cut_off"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"type": "message_start"},
        {"type": "message_delta", "delta": None},
        {"type": "content_block_stop", "index": 5},
        {"type": "content_block_delta", "index": 5, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 3}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "colour_delta"}},
        {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_start", "index": "1", "content_block": {"type": "text", "text": ""}},
    ],
)
def test_an_event_that_is_not_understood_is_kept_and_the_answer_is_of_no_use(odd: dict[str, Any]) -> None:
    message = streamed(START, *text_block(0, "Once."), odd, *END).message()
    answer = read_answer("key", message, api_config(""), 1.0, 1.0)
    assert answer.fault == "unknown_shape"
    assert message["odd"] == [odd] and "Once." in answer.text
    assert answer.usd < 1.0, "its usage came"


kinds = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "ping"]
)
events = st.fixed_dictionaries(
    {"type": kinds | json_values},
    optional={
        "index": st.integers(0, 2) | json_values,
        "message": st.fixed_dictionaries({}, optional={"usage": json_values}) | json_values,
        "content_block": st.just({"type": "text", "text": ""}) | json_values,
        "delta": st.just({"type": "text_delta", "text": "x"}) | json_values,
        "usage": json_values,
    },
)


@settings(max_examples=60)
@given(st.lists(events | json_values, max_size=8))
def test_no_stream_of_events_is_lost(told: list[Any]) -> None:
    answer = read_answer("key", streamed(*told).message(), api_config(""), 1.0, 1.0)
    assert answer.fault is not None or answer.text is not None
