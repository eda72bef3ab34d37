"""Answers of the local API as the events of a stream, which a client puts together again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.planning.stand_ins.shapes import ODD, events

USAGE = {"input_tokens": 3, "output_tokens": 5}


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "model": "a-model",
        "content": [{"type": "text", "text": "Hello."}],
        "stop_reason": "end_turn",
        "usage": USAGE,
    } | changes


def read(sent: list[bytes]) -> list[dict[str, Any]]:
    """The data of each event, whose name stands above it."""
    found = []
    for event in sent:
        name, data = event.decode().rstrip("\n").split("\n")
        told = json.loads(data.removeprefix("data: "))
        assert name == f"event: {told['type']}"
        found.append(told)
    return found


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_text_of_a_stream_is_the_text_of_the_message(text: str) -> None:
    told = read(events(message(content=[{"type": "text", "text": text}])))
    assert "".join(event["delta"]["text"] for event in told if event["type"] == "content_block_delta") == text
    assert told[0]["message"]["model"] == "a-model" and told[0]["message"]["content"] == []
    assert (told[-2]["delta"]["stop_reason"], told[-2]["usage"]) == ("end_turn", USAGE)
    assert told[-1] == {"type": "message_stop"}


def test_a_refusal_has_no_block_and_a_message_without_an_end_no_reason() -> None:
    kinds = [event["type"] for event in read(events(message(content=[], stop_reason="refusal")))]
    assert kinds == ["message_start", "message_delta", "message_stop"]
    assert "message_delta" not in [event["type"] for event in read(events(message(stop_reason=None)))]


@pytest.mark.parametrize("fault", ODD)
def test_what_does_not_belong_into_an_answer_can_be_streamed(fault: str) -> None:
    told = read(events(message(**ODD[fault])))
    assert told[0]["type"] == "message_start" and told[-1]["type"] == "message_stop"
    if fault in ("null_content", "odd_content"):
        assert any(event.get("content_block", 0) is None for event in told)
