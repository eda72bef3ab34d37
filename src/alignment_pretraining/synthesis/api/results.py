"""The results of a batch, line by line: a broken one costs no other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic

_KINDS = ("succeeded", "errored", "canceled", "expired")


@dataclass(frozen=True)
class Result:
    """One line: the key of a request, and its `message` when it succeeded, or its `error` (kind, message) when not."""

    key: str
    succeeded: bool
    message: Any = None
    error: tuple[str, str] = ("", "")


def read_results(client: anthropic.Anthropic, batch_id: str) -> Iterator[Result]:
    """The results that can be read, in the API's order."""
    with client.messages.batches.with_streaming_response.results(batch_id) as response:
        for line in _lines(response.iter_bytes()):
            result = _read(line)
            if result:
                yield result


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, which end with a line feed alone: texts may hold other separators."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


def _read(line: bytes) -> Result | None:
    try:
        told = json.loads(line)
        key, result = told["custom_id"], told["result"]
        kind = result["type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(key, str) or kind not in _KINDS:
        return None
    if kind == "succeeded":
        return Result(key, True, result.get("message"))
    return Result(key, False, error=_error(result) if kind == "errored" else (str(kind), ""))


def _error(result: dict[str, Any]) -> tuple[str, str]:
    try:
        error = result["error"]["error"]
        return str(error["type"]), str(error["message"])
    except (KeyError, TypeError):
        return "", ""
