"""The SDK's clients, and what becomes of their errors. The key comes from the environment and goes nowhere else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anthropic
import httpx2

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.config import ApiConfig

KEY = "ANTHROPIC_API_KEY"
ERRORS = (anthropic.APIError, httpx2.HTTPError, json.JSONDecodeError)

# Waits between attempts, in seconds: doubled each time, unless the API says how long.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0

T = TypeVar("T")


def make_client(config: ApiConfig) -> anthropic.Anthropic:
    """The client for batches. Raises UserError when there is no key."""
    return anthropic.Anthropic(**_options(config))


def make_async_client(config: ApiConfig) -> anthropic.AsyncAnthropic:
    """The client for streaming. Raises UserError when there is no key."""
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
    return {"api_key": key, "max_retries": config.retries, "timeout": config.timeout_seconds, **base}


def is_passing(error: Exception) -> bool:
    """Whether another attempt may succeed: lost or broken answers, overload, rate limits."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in (200, 408, 409, 429) or error.status_code >= 500
    return isinstance(error, ERRORS)


def seconds_to_wait(error: Exception, attempt: int) -> float:
    """What the API's `retry-after` says, else a wait that doubles with each attempt (from 0)."""
    header = error.response.headers.get("retry-after") if isinstance(error, anthropic.APIStatusError) else None
    try:
        return float(header) if header else min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
    except ValueError:
        return _LONGEST_WAIT


def retry(call: Callable[[], T], retries: int) -> T:
    """Result of `call`, which may be repeated safely, tried again after errors that pass."""
    for attempt in range(retries):
        try:
            return call()
        except ERRORS as error:
            if not is_passing(error):
                raise
            time.sleep(seconds_to_wait(error, attempt))
    return call()


@contextmanager
def clean_errors() -> Iterator[None]:
    """Tell the API's errors as a UserError that holds no key, whatever the API wrote."""
    try:
        yield
    except anthropic.AuthenticationError:
        raise UserError(f"the API refused the key (401); check {KEY} or conf/local/credentials.yml") from None
    except anthropic.APIStatusError as error:
        raise UserError(
            f"the API answered {error.status_code}: {_without_key(error.message)}; what was answered is kept: run again"
        ) from None
    except ERRORS as error:
        raise UserError(
            f"no whole answer from the API ({type(error).__name__}: {_without_key(str(error))}); "
            "what was answered and submitted is kept: run again"
        ) from None


def _without_key(text: str) -> str:
    return text.replace(os.environ.get(KEY) or "\0", "…")[:500]
