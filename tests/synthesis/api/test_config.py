"""Parameters of the API that would cost money, or show a password, by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alignment_pretraining.synthesis.api.config import ApiConfig, Call, Price
from tests.synthesis.api.requests_for_tests import CALL, MODEL, PRICE, api_config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "https://me:secret@api.example"}, "no password in the address"),
        ({"max_usd": -1}, "max_usd"),
        ({"max_usd": float("nan")}, "max_usd"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 100_001}, "100000"),
        ({"queued": 0}, "queued"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"concurrency": 0}, "concurrency"),
        ({"retries": -1}, "retries"),
        ({"cache_hits": 1.1}, "cache_hits"),
        ({"refused_share": 2}, "refused_share"),
        ({"replacements": -1}, "replacements"),
        ({"prices": {MODEL: PRICE}}, "min_cached_tokens"),
        ({"prices": {MODEL: {**PRICE, "min_cached_tokens": 1, "input": -1}}}, "input"),
        ({"prices": {MODEL: {**PRICE, "min_cached_tokens": 1, "date": "last year"}}}, "date"),
        ({"key": "sk-x"}, "key"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        api_config("", **changes)


def test_a_configuration_is_not_changed_after_it_was_checked() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        api_config("").max_usd = 1e9


@pytest.mark.parametrize(("mode", "discount"), [("batch", 0.5), ("stream", 1.0)])
def test_a_batch_is_half_price(mode: str, discount: float) -> None:
    assert api_config("", mode=mode).discount == discount


@pytest.mark.parametrize(("tokens", "rate"), [(0, 1.0), (1000, 1.0), (1000.5, 9.0), (5000, 9.0)])
def test_the_long_rates_are_of_prompts_beyond_the_limit(tokens: float, rate: float) -> None:
    long = {"input": 9, "cache_write": 9, "cache_read": 9, "output": 9, "over_tokens": 1000}
    price = Price.model_validate({**PRICE, "min_cached_tokens": 1, "long": long})
    assert price.rates(tokens).input == rate


@pytest.mark.parametrize(
    "changes",
    [
        {"thinking": 1024, "max_tokens": 1025, "temperature": None},
        {"thinking": "adaptive", "temperature": 1},
        {"thinking": "disabled", "temperature": 0},
        {"temperature": [0.5, 0.5]},
    ],
)
def test_what_the_api_takes_is_taken(changes: dict[str, Any]) -> None:
    assert Call.model_validate(CALL.model_dump() | changes)


@pytest.mark.parametrize(
    "changes", [{"thinking": 1023}, {"thinking": "enabled"}, {"max_tokens": 0}, {"temperature": [0.1, 0.2, 0.3]}]
)
def test_a_call_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Call.model_validate(CALL.model_dump() | changes)


def test_every_key_without_a_default_is_asked_for() -> None:
    with pytest.raises(ValidationError) as error:
        ApiConfig.model_validate({})
    missing = {problem["loc"][0] for problem in error.value.errors()}
    assert {"base_url", "mode", "max_usd", "prices"} <= missing
