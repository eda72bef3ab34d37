"""Shapes of what the local server answers: a stream's events, and what does not belong into an answer."""

from __future__ import annotations

import json
from typing import Any

# What an answer may have in the place of what belongs there.
ODD: dict[str, dict[str, Any]] = {
    "no_stop_reason": {"stop_reason": None},
    "null_usage": {"usage": None},
    "null_tokens": {"usage": {"input_tokens": None, "output_tokens": None}},
    "negative_tokens": {"usage": {"input_tokens": -5, "output_tokens": 2**70}},
    "null_content": {"content": None},
    "odd_content": {"content": [{"type": "text", "text": None}]},
    "other_model": {"model": "another-model"},
    "cut_sentence": {"content": [{"type": "text", "text": "Words " * 200 + "and then the"}]},
}


def events(message: dict[str, Any]) -> list[bytes]:
    start = {**message, "content": [], "stop_reason": None, "type": "message", "role": "assistant", "model": "m"}
    start = {**start, **({"model": message["model"]} if "model" in message else {})}
    sent: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    content = message["content"]
    for block in [{"type": "text", "text": None}] if content is None else content:
        if not isinstance(block["text"], str):
            sent.append({"type": "content_block_start", "index": 0, "content_block": None})
            continue
        sent.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        half = len(block["text"]) // 2
        for part in (block["text"][:half], block["text"][half:]):
            delta = {"type": "text_delta", "text": part}
            sent.append({"type": "content_block_delta", "index": 0, "delta": delta})
        sent.append({"type": "content_block_stop", "index": 0})
    if message.get("stop_reason"):
        stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        sent.append({"type": "message_delta", "delta": stop, "usage": message["usage"]})
    sent.append({"type": "message_stop"})
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in sent]
