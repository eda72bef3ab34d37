"""Small requests and a configuration for the local server."""

from __future__ import annotations

from functools import partial
from typing import Any

from alignment_pretraining.synthesis.api.config import BATCH_PRICE, ApiConfig, Call
from alignment_pretraining.synthesis.api.request import Request, Requests, make_request

TEST_KEY = "sk-test-not-a-real-key"
MODEL = "small-model"
PRICE: dict[str, Any] = {"date": "2026-01-01", "input": 1.0, "cache_write": 1.25, "cache_read": 0.1, "output": 5.0}
CALL = Call(model=MODEL, max_tokens=200, expected_tokens=100, thinking="disabled", temperature=0.7)


def api_config(url: str, **changes: Any) -> ApiConfig:
    """A configuration that waits little."""
    values: dict[str, Any] = {
        "base_url": url,
        "mode": "batch",
        "max_usd": 100.0,
        "batch_size": 50,
        "queued": 100,
        "poll_seconds": 0.02,
        "concurrency": 8,
        "retries": 6,
        "timeout_seconds": 20.0,
        "cache_hits": 1.0,
        "lost_after_seconds": 0.3,
        "prices": {MODEL: {**PRICE, "min_cached_tokens": 1}},
    }
    return ApiConfig.model_validate({**values, **changes})


def billed_usd(state: dict[str, Any], *, of: str = "") -> float:
    """What the server bills, at PRICE, for requests whose shared prompt begins with `of`."""
    total = 0.0
    for name, tokens in state["billed"].items():
        mode, prompt = name.split(": ", 1)
        if prompt.startswith(of):
            rates = {
                "input_tokens": PRICE["input"],
                "cache_creation_input_tokens": PRICE["cache_write"],
                "cache_read_input_tokens": PRICE["cache_read"],
                "output_tokens": PRICE["output"],
            }
            dollars = sum(float(rates[kind]) * count for kind, count in tokens.items()) / 1e6
            total += dollars * (BATCH_PRICE if mode == "batch" else 1.0)
    return total


def some_requests(count: int, call: Call = CALL) -> Requests:
    """`count` different requests."""
    return partial(_make, count, call)


def _make(count: int, call: Call) -> list[Request]:
    return [make_request("documents", call, "Write one document.", f"It is about number {i}.") for i in range(count)]
