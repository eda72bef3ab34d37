"""The SDK's clients, and what becomes of their errors. The key comes from the environment and goes nowhere else."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import anthropic
import httpx2

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.config import ApiConfig

KEY = "ANTHROPIC_API_KEY"
ERRORS = (anthropic.APIError, httpx2.HTTPError, json.JSONDecodeError)
# Never sent: there was no connection.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# Answers that say that nothing was done: refused as it stands, or for now.
_NOTHING_DONE = (400, 401, 402, 403, 404, 413, 422, 429)
# With these the API refuses a request as it stands, and in a batch's results with these kinds of error.
_REFUSED_STATUS = (400, 413, 422)
_REFUSED_KINDS = ("invalid_request_error", "request_too_large")
# Kinds of error that concern the whole account.
_ACCOUNT_KINDS = ("authentication_error", "billing_error", "permission_error", "not_found_error")
# An account without money is told as an invalid request.
_NO_MONEY = "credit balance"

# Waits between attempts, in seconds: doubled each time, unless the API says how long; with more, the run ends.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_LONGEST_ASKED_FOR = 300.0
_SHOWN_CHARACTERS = 500
_ANY_KEY = re.compile(r"\bsk-[\w-]{8,}")

T = TypeVar("T")
Tell = Callable[[float, str], None]  # is told of a wait: seconds, and why


def make_client(config: ApiConfig) -> anthropic.Anthropic:
    """The client for batches, which repeats nothing by itself. Raises UserError when there is no key."""
    return anthropic.Anthropic(**_options(config))


def make_async_client(config: ApiConfig) -> anthropic.AsyncAnthropic:
    """The client for streaming, which repeats nothing by itself. Raises UserError when there is no key."""
    limits = httpx2.Limits(max_connections=config.concurrency, max_keepalive_connections=config.concurrency)
    http = anthropic.DefaultAsyncHttpxClient(limits=limits)
    return anthropic.AsyncAnthropic(**_options(config), http_client=http)


def _options(config: ApiConfig) -> dict[str, Any]:
    key = os.environ.get(KEY)
    if not key:
        raise UserError(
            f"no API key: set {KEY}, or write 'anthropic: {{api_key: …}}' into conf/local/credentials.yml "
            "(which git ignores)"
        )
    base = {"base_url": config.base_url} if config.base_url else {}
    return {"api_key": key, "max_retries": 0, "timeout": config.timeout_seconds, **base}


def is_passing(error: Exception) -> bool:
    """Whether another attempt may succeed: lost or broken answers, overload, rate limits."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in (200, 408, 409, 429) or error.status_code >= 500
    return isinstance(error, ERRORS)


def is_refusal(error: anthropic.APIStatusError) -> bool:
    """Whether the API refuses this one request, as it will again."""
    return error.status_code in _REFUSED_STATUS and _NO_MONEY not in error.message


def is_refusal_kind(kind: str, message: str) -> bool:
    """The same for an error in a batch's results."""
    return kind in _REFUSED_KINDS and _NO_MONEY not in message


def is_account_kind(kind: str, message: str) -> bool:
    """Whether an error in a batch's results concerns the account, and so every other request."""
    return kind in _ACCOUNT_KINDS or _NO_MONEY in message


def nothing_was_done(error: Exception) -> bool:
    """Whether it is known that the API did nothing, and will bill nothing."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in _NOTHING_DONE
    return isinstance(error, _UNSENT) or isinstance(error.__cause__, _UNSENT)


def seconds_to_wait(error: Exception, attempt: int) -> float:
    """What the API's `retry-after` says, else a wait that doubles with each attempt (from 0).

    Raises:
        UserError: it asks for more than five minutes.
    """
    header = error.response.headers.get("retry-after") if isinstance(error, anthropic.APIStatusError) else None
    try:
        asked = float(header) if header else None
    except ValueError:
        asked = _LONGEST_WAIT
    if asked is None:
        return min(_FIRST_WAIT * 2.0 ** min(attempt, 10), _LONGEST_WAIT)
    if not asked <= _LONGEST_ASKED_FOR:
        raise UserError(
            f"the API asks to wait {asked:.0f} s ({without_keys(str(error))}); run again after that: what was answered "
            "and submitted is kept"
        )
    return max(0.0, asked)


def retry(call: Callable[[], T], retries: int, tell: Tell = lambda seconds, why: None) -> T:
    """Result of `call`, which may be repeated safely, tried again after errors that pass."""
    for attempt in range(retries):
        try:
            return call()
        except ERRORS as error:
            if not is_passing(error):
                raise
            seconds = seconds_to_wait(error, attempt)
            tell(seconds, describe(error))
            time.sleep(seconds)
    return call()


@contextmanager
def clean_errors() -> Iterator[None]:
    """Tell the API's errors as a UserError that holds no key, whatever the API wrote."""
    try:
        yield
    except anthropic.AuthenticationError:
        raise UserError(f"the API refused the key (401); check {KEY} or conf/local/credentials.yml") from None
    except anthropic.APIStatusError as error:
        raise UserError(f"{describe(error)}; what was answered is kept: run again") from None
    except ERRORS as error:
        raise UserError(
            f"no whole answer from the API ({describe(error)}); what was answered and submitted is kept: run again"
        ) from None
    except UserError as error:
        raise UserError(without_keys(str(error))) from None


def describe(error: Exception) -> str:
    """An error in a line, without keys."""
    if isinstance(error, anthropic.APIStatusError):
        return f"the API answered {error.status_code}: {shorten(error.message)}"
    return f"{type(error).__name__}: {shorten(str(error))}"


def shorten(message: str) -> str:
    """A server's message without keys, and not longer than a few lines."""
    return without_keys(message)[:_SHOWN_CHARACTERS]


def without_keys(text: str) -> str:
    """`text` without the key that is in use, however it is written, and without what looks like one."""
    key = (os.environ.get(KEY) or "").strip()
    for form in {key, quote(key, safe=""), json.dumps(key)[1:-1]} - {""}:
        text = text.replace(form, "…")
    return _ANY_KEY.sub("…", text)
