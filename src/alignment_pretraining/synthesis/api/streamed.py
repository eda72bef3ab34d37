"""One message put together from the events of its stream, whatever their shape.

The SDK's own `messages.stream` raises where an event lacks something, such as usage, and what was paid for is lost.
"""

from __future__ import annotations

from typing import Any

from alignment_pretraining.synthesis.api.answer import CUT_OFF

_NO_TEXT = ("thinking_delta", "signature_delta", "citations_delta")


class StreamedMessage:
    """Takes the events of a stream as their JSON's values. `finished` says whether the last one came."""

    def __init__(self) -> None:
        self.finished = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[Any, dict[str, Any]] = {}
        self._open: set[Any] = set()
        self._odd: list[Any] = []

    def add(self, event: dict[str, Any]) -> None:
        """Take one event. What is not understood is kept, and makes the message one of unknown shape."""
        try:
            self._add(event)
        except (AttributeError, KeyError, TypeError, ValueError):
            self._odd.append(event)

    def message(self) -> dict[str, Any]:
        """The message as the API gives it without a stream."""
        content = [block for _, block in sorted(self._blocks.items())]
        if self._odd:
            return {**self._message, "content": None, "blocks": content, "odd": self._odd}
        # A block that did not end is no whole text, whatever the stop reason says.
        cut_off = {"stop_reason": CUT_OFF} if self._open else {}
        return {**self._message, **cut_off, "content": content}

    def _add(self, event: dict[str, Any]) -> None:
        kind, index = event["type"], event.get("index")
        if kind == "message_start":
            # Its count of output is that of a beginning.
            message = event["message"]
            self._message = {**message, "usage": {**(message.get("usage") or {}), "output_tokens": None}}
        elif kind == "content_block_start":
            if not isinstance(index, int):
                raise TypeError(event)
            self._blocks[index] = dict(event["content_block"])
            self._open.add(index)
        elif kind == "content_block_delta":
            if event["delta"]["type"] == "text_delta":
                self._blocks[index]["text"] += event["delta"]["text"]
            elif event["delta"]["type"] not in _NO_TEXT:
                raise ValueError(event)
        elif kind == "content_block_stop":
            self._open.remove(index)
        elif kind == "message_delta":
            self._message |= event["delta"]
            known = {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
            self._message["usage"] |= known
        elif kind == "message_stop":
            self.finished = True
