"""Which errors pass, which were billed, how long is waited, and that no message shows a key."""

from __future__ import annotations

import json

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.client import (
    clean_errors,
    describe,
    is_account_kind,
    is_passing,
    is_refusal,
    is_refusal_kind,
    make_client,
    nothing_was_done,
    retry,
    seconds_to_wait,
    shorten,
    without_keys,
)
from tests.synthesis.api.requests_for_tests import TEST_KEY, api_config

REQUEST = httpx2.Request("POST", "http://api")


def status(code: int, message: str = "no", retry_after: str | None = None) -> anthropic.APIStatusError:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    response = httpx2.Response(code, headers=headers, request=REQUEST)
    kind = anthropic.AuthenticationError if code == 401 else anthropic.APIStatusError
    return kind(message, response=response, body=None)


@pytest.mark.parametrize(
    ("code", "passes", "unbilled", "refused"),
    [
        (200, True, False, False),
        (400, False, True, True),
        (401, False, True, False),
        (403, False, True, False),
        (404, False, True, False),
        (408, True, False, False),
        (409, True, False, False),
        (413, False, True, True),
        (422, False, True, True),
        (429, True, True, False),
        (500, True, False, False),
        (529, True, False, False),
    ],
)
def test_what_an_answer_s_status_means(code: int, passes: bool, unbilled: bool, refused: bool) -> None:
    """A 5xx may have been worked on, so it counts as billed; a 400 will be refused again."""
    error = status(code)
    assert (is_passing(error), nothing_was_done(error), is_refusal(error)) == (passes, unbilled, refused)


def test_a_connection_that_never_was_is_not_billed_and_one_that_broke_may_be() -> None:
    assert nothing_was_done(httpx2.ConnectError("refused"))
    assert not nothing_was_done(httpx2.ReadError("broke"))
    wrapped = anthropic.APIConnectionError(request=REQUEST)
    wrapped.__cause__ = httpx2.ConnectTimeout("slow")
    assert nothing_was_done(wrapped)
    wrapped.__cause__ = httpx2.ReadTimeout("slow")
    assert not nothing_was_done(wrapped)
    for error in (wrapped, httpx2.ReadError("broke"), json.JSONDecodeError("half", "{", 1)):
        assert is_passing(error)
    assert not is_passing(KeyError("ours"))


@pytest.mark.parametrize(
    ("kind", "message", "refusal", "account"),
    [
        ("invalid_request_error", "prompt is too long", True, False),
        ("request_too_large", "x", True, False),
        ("invalid_request_error", "Your credit balance is too low", False, True),
        ("billing_error", "x", False, True),
        ("authentication_error", "x", False, True),
        ("not_found_error", "model: x", False, True),
        ("api_error", "Internal server error", False, False),
        ("overloaded_error", "x", False, False),
    ],
)
def test_an_error_in_results_concerns_one_request_the_account_or_passes(
    kind: str, message: str, refusal: bool, account: bool
) -> None:
    assert (is_refusal_kind(kind, message), is_account_kind(kind, message)) == (refusal, account)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("0", 0.0), ("2", 2.0), ("300", 300.0), ("-5", 0.0), ("1.5", 1.5), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0)],
)
def test_a_wait_is_as_long_as_the_api_says(told: str, seconds: float) -> None:
    assert seconds_to_wait(status(429, retry_after=told), attempt=7) == seconds


@pytest.mark.parametrize("told", ["301", "86400", "inf", "nan"])
def test_a_wait_beyond_five_minutes_ends_the_run(told: str) -> None:
    with pytest.raises(UserError, match=r"the API asks to wait .* s .*; run again after that"):
        seconds_to_wait(status(429, retry_after=told), attempt=0)


def test_waits_double_up_to_a_minute_where_the_api_says_nothing() -> None:
    waits = [seconds_to_wait(status(529), attempt) for attempt in (0, 1, 2, 6, 7, 100)]
    assert waits == [0.5, 1.0, 2.0, 32.0, 60.0, 60.0]
    assert seconds_to_wait(httpx2.ReadError("broke"), 0) == 0.5


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, and without waiting."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.mark.parametrize(("faults", "retries"), [(0, 0), (2, 2), (2, 5)])
def test_a_call_is_tried_again_until_it_answers(slept: list[float], faults: int, retries: int) -> None:
    told: list[tuple[float, str]] = []
    left = iter([status(529)] * faults)

    def call() -> str:
        if error := next(left, None):
            raise error
        return "answer"

    assert retry(call, retries, lambda seconds, why: told.append((seconds, why))) == "answer"
    assert slept == [0.5, 1.0][:faults] == [seconds for seconds, _ in told]
    assert all(why == "the API answered 529: no" for _, why in told)


@pytest.mark.parametrize(("code", "calls"), [(529, 3), (404, 1)])
def test_a_call_that_keeps_failing_raises_its_error_and_one_that_cannot_pass_at_once(
    slept: list[float], code: int, calls: int
) -> None:
    made = 0

    def call() -> None:
        nonlocal made
        made += 1
        raise status(code)

    with pytest.raises(anthropic.APIStatusError):
        retry(call, 2)
    assert (made, len(slept)) == (calls, calls - 1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (status(401), r"the API refused the key \(401\); check ANTHROPIC_API_KEY or conf/local/credentials\.yml"),
        (status(500, "down"), "the API answered 500: down; what was answered is kept: run again"),
        (httpx2.ReadError("broke"), r"no whole answer from the API \(ReadError: broke\); .* run again"),
        (UserError(f"odd {TEST_KEY}"), "^odd …$"),
        (status(400, f"bad header {TEST_KEY}"), "the API answered 400: bad header …; what"),
    ],
)
def test_an_error_is_told_in_a_line_with_the_way_out_and_no_key(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
    with pytest.raises(UserError, match=said) as told, clean_errors():
        raise error
    assert TEST_KEY not in str(told.value)
    assert told.value.__cause__ is None and told.value.__suppress_context__, "the SDK's error would show it"


def test_our_own_mistakes_are_not_taken_for_the_api_s() -> None:
    with pytest.raises(KeyError), clean_errors():
        raise KeyError("ours")


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_the_message_says_where_it_goes(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(UserError, match=r"no API key: set ANTHROPIC_API_KEY, or write .*credentials\.yml"):
        make_client(api_config(""))


def test_the_sdk_repeats_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request of its own could be billed without being counted."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
    client = make_client(api_config("http://localhost:1", timeout_seconds=7.0))
    assert (client.max_retries, client.timeout, str(client.base_url)) == (0, 7.0, "http://localhost:1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_text_without_a_key_stays_as_it_is(before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
        if "sk-" not in before + after:
            assert without_keys(before + after) == before + after
            assert without_keys(f"{before}\n{TEST_KEY}\n{after}") == f"{before}\n…\n{after}"


def test_a_long_message_of_a_server_is_cut_after_its_key_was_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
    assert shorten("x" * 490 + TEST_KEY + "y" * 500) == "x" * 490 + "…" + "y" * 9
    assert len(describe(status(500, "x" * 10_000))) < 600
