"""Requests: the key under which an answer is paid for once, and the most that it can cost."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.request import Request, make_request, parts
from tests.synthesis.api.requests_for_tests import CALL, MODEL, PRICE, api_config, some_requests

params = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.text(st.characters(codec="utf-8"), max_size=5) | st.integers(-(2**53), 2**53) | st.none(),
    min_size=1,
    max_size=4,
)


@given(params, st.integers(0, 1000))
def test_the_key_is_the_sha_256_of_parameters_and_sample(told: dict[str, Any], sample: int) -> None:
    """Another way of making keys would ask, and pay, for everything anew."""
    content = json.dumps([told, sample], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert Request("step", told, 100, sample).key == hashlib.sha256(content.encode()).hexdigest()


@given(params, st.randoms())
def test_neither_the_order_of_parameters_nor_the_step_is_in_the_key(told: dict[str, Any], random: Any) -> None:
    names = [*told]
    random.shuffle(names)
    one, other = Request("step", told, 100), Request("another", {name: told[name] for name in names}, 200)
    assert one.key == other.key
    assert one.size == other.size


def test_samples_and_replacements_have_keys_of_their_own() -> None:
    asked = [make_request("documents", CALL, "Write.", "On bees.", sample) for sample in range(3)]
    replaced = [one.replaced() for one in asked]
    again = [one.replaced() for one in replaced]
    assert len({one.key for one in (*asked, *replaced, *again)}) == 9
    assert all(one.params == asked[0].params for one in (*replaced, *again))


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"max_tokens": 201},
        {"thinking": "adaptive", "temperature": None},
        {"temperature": 0.8},
    ],
)
def test_whoever_is_asked_otherwise_is_another_request(change: dict[str, Any]) -> None:
    other = CALL.model_validate(CALL.model_dump() | change)
    one, another = (make_request("documents", call, "Write.", "On bees.") for call in (CALL, other))
    assert one.key != another.key


def test_a_request_says_what_is_cached_and_what_shape_the_answer_has() -> None:
    schema = {"type": "object"}
    told = make_request("documents", CALL, "Write.", "On bees.", schema=schema).params
    assert told["system"] == [{"type": "text", "text": "Write.", "cache_control": {"type": "ephemeral"}}]
    assert told["messages"] == [{"role": "user", "content": "On bees."}]
    assert told["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "output_config" not in make_request("documents", CALL, "Write.", "On bees.").params


def test_no_temperature_is_sent_where_none_is_set() -> None:
    call = CALL.model_copy(update={"temperature": None})
    assert "temperature" not in make_request("documents", call, "Write.", "On bees.").params


@given(st.text(min_size=1), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_temperature_of_a_range_is_drawn_by_its_seed(seed: str, range_: list[float]) -> None:
    low, high = (round(end, 2) for end in range_)
    call = CALL.model_validate(CALL.model_dump() | {"temperature": [low, high]})
    drawn = call.draw_temperature(seed)
    assert drawn is not None and low <= drawn <= high
    assert drawn == call.draw_temperature(seed) == round(drawn, 2)
    told = make_request("documents", call, "Write.", "On bees.", seed=seed).params
    assert told["temperature"] == drawn


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(1, 5000))
def test_nothing_costs_more_than_a_token_a_byte_and_all_of_the_output(prompt: str, longest: int) -> None:
    call = CALL.model_copy(update={"max_tokens": longest})
    request = make_request("documents", call, "Write.", prompt)
    size = len(json.dumps(request.params, ensure_ascii=False, separators=(",", ":")).encode())
    assert request.size == size
    most = (size * PRICE["cache_write"] + longest * PRICE["output"]) / 1e6
    assert request.most_usd(api_config("", mode="stream")) == pytest.approx(most)
    assert request.most_usd(api_config("", mode="batch")) == pytest.approx(most / 2)


@pytest.mark.parametrize("more", [0, 1])
def test_the_rates_of_long_prompts_begin_beyond_their_limit(more: int) -> None:
    [request] = some_requests(1)()
    long = {"input": 10, "cache_write": 10, "cache_read": 10, "output": 50, "over_tokens": request.size - more}
    price = {**PRICE, "min_cached_tokens": 1}
    plain, dear = (api_config("", prices={MODEL: told}) for told in (price, {**price, "long": long}))
    assert (request.most_usd(dear) > 5 * request.most_usd(plain)) == bool(more)


def test_a_model_without_a_price_is_not_asked() -> None:
    [request] = some_requests(1, CALL.model_copy(update={"model": "unpriced"}))()
    with pytest.raises(UserError, match=r"parameters_anthropic\.yml: anthropic\.api\.prices: no price for unpriced"):
        request.most_usd(api_config(""))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (1000, [1000]), (2001, [1000, 1000, 1])])
def test_requests_are_looked_up_in_parts_and_none_is_lost(count: int, sizes: list[int]) -> None:
    [one] = some_requests(1)()
    found = list(parts(Request(one.step, one.params, 1, sample) for sample in range(count)))
    assert [len(part) for part in found] == sizes
    assert [request.sample for part in found for request in part] == list(range(count))
