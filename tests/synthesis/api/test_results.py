"""A batch's results: lines as they come, and a broken one costs no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.results import Result, read_results


def client(*chunks: bytes) -> Any:
    """What stands where the SDK's client is, and gives these bytes as the results of batch "b"."""

    @contextmanager
    def results(batch_id: str) -> Iterator[Any]:
        assert batch_id == "b"
        yield SimpleNamespace(iter_bytes=lambda: iter(chunks))

    batches = SimpleNamespace(with_streaming_response=SimpleNamespace(results=results))
    return SimpleNamespace(messages=SimpleNamespace(batches=batches))


def line(key: Any, **result: Any) -> bytes:
    return json.dumps({"custom_id": key, "result": result}, ensure_ascii=False).encode()


def read(*lines: bytes) -> list[Result]:
    return list(read_results(client(b"\n".join(lines)), "b"))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=6), st.data())
def test_lines_are_whole_however_the_bytes_are_cut(texts: list[str], data: st.DataObject) -> None:
    """Texts may hold other separators of lines, and characters of several bytes."""
    whole = b"".join(line(str(n), type="succeeded", message=text) + b"\n" for n, text in enumerate(texts))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    found = list(read_results(client(*chunks), "b"))
    assert [(one.key, one.message) for one in found] == [(str(n), text) for n, text in enumerate(texts)]


def test_separators_that_json_leaves_in_a_text_end_no_line() -> None:
    [found] = read(line("a", type="succeeded", message="one\u2028two\u0085three"))
    assert found == Result("a", True, "one\u2028two\u0085three")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b'"custom_id"',
        b"[" * 100_000,
        line(7, type="succeeded"),
        line(None, type="succeeded"),
        line("a"),
        line("a", type="vanished"),
        line("a", type=["succeeded"]),
        json.dumps({"custom_id": "a", "result": None}).encode(),
        json.dumps({"custom_id": "a"}).encode(),
    ],
)
def test_a_broken_line_costs_no_other(broken: bytes) -> None:
    found = read(line("first", type="succeeded", message={}), broken, line("last", type="expired"))
    assert [one.key for one in found] == ["first", "last"]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"type": "expired"}, ("expired", "")),
        ({"type": "canceled"}, ("canceled", "")),
        ({"type": "errored", "error": {"error": {"type": "api_error", "message": "x"}}}, ("api_error", "x")),
        ({"type": "errored", "error": {"type": "api_error"}}, ("", "")),
        ({"type": "errored", "error": None}, ("", "")),
        ({"type": "errored"}, ("", "")),
    ],
)
def test_a_request_without_an_answer_says_why(result: dict[str, Any], error: tuple[str, str]) -> None:
    assert read(line("a", **result)) == [Result("a", False, error=error)]
