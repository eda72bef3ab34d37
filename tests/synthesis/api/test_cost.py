"""The cost sheet by hand: what is answered stands with what it cost, the rest is reckoned from a sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.ask import Counts
from alignment_pretraining.synthesis.api.cost import Line, cost_sheet
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.requests_for_tests import CALL, MODEL, PRICE, api_config, some_requests

CONFIG = api_config("", mode="stream", cache_hits=0.75)
ANSWER = Answer("", "msg_1", MODEL, "end_turn", "text", 60, 10, 5, 40, usd=0.5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def count(request: Request, prefix_alone: bool) -> float:
    """A hundred tokens, of which forty are shared."""
    return 40 if prefix_alone else 100


def answered(requests: Iterable[Request], **changes: object) -> list[Answer]:
    return [dataclasses.replace(ANSWER, key=request.key, **changes) for request in requests]  # type: ignore[arg-type]


def test_what_is_not_answered_costs_what_is_expected(store: Store) -> None:
    [line] = cost_sheet(some_requests(10), CONFIG, store, count)
    # Of 40 shared tokens 30 are read from the cache and 10 written to it; 60 are fresh, and 100 are expected.
    each = (60 * PRICE["input"] + 10 * PRICE["cache_write"] + 30 * PRICE["cache_read"] + 100 * PRICE["output"]) / 1e6
    assert line.usd == line.usd_left == pytest.approx(10 * each)
    assert (line.requests, line.answered, line.usd_paid) == (10, 0, 0.0)
    assert (line.input_tokens, line.cached_tokens, line.output_tokens) == pytest.approx((700, 300, 1000))


def test_a_batch_costs_half_of_it(store: Store) -> None:
    [whole] = cost_sheet(some_requests(10), CONFIG, store, count)
    [half] = cost_sheet(some_requests(10), CONFIG.model_copy(update={"mode": "batch"}), store, count)
    assert half.usd == pytest.approx(whole.usd / 2)


@pytest.mark.parametrize(("least", "cached"), [(40, 300.0), (41, 0.0)])
def test_a_prefix_is_cached_from_the_models_least_length_on(store: Store, least: int, cached: float) -> None:
    config = CONFIG.model_copy(
        update={"prices": api_config("", prices={MODEL: {**PRICE, "min_cached_tokens": least}}).prices}
    )
    [line] = cost_sheet(some_requests(10), config, store, count)
    assert line.cached_tokens == pytest.approx(cached)


def test_what_came_stands_with_its_cost_and_tells_how_long_answers_are(store: Store) -> None:
    requests = list(some_requests(10)())
    store.save(answered(requests[:4]))
    [line] = cost_sheet(lambda: requests, CONFIG, store, count)
    assert (line.answered, line.usd_paid) == (4, 2.0)
    each = (60 * PRICE["input"] + 10 * PRICE["cache_write"] + 30 * PRICE["cache_read"] + 40 * PRICE["output"]) / 1e6
    assert line.usd_left == pytest.approx(6 * each)
    assert line.output_tokens == pytest.approx(10 * 40)
    assert line.input_tokens == pytest.approx(4 * 70 + 6 * 70)
    assert line.cached_tokens == pytest.approx(4 * 5 + 6 * 30)


def test_a_refused_sample_counts_with_its_cost_and_leaves_its_request_open(store: Store) -> None:
    requests = list(some_requests(2)())
    store.save(answered(requests[:1], stop_reason="refusal"))
    [line] = cost_sheet(lambda: requests, CONFIG, store, count)
    assert (line.requests, line.answered, line.refused, line.usd_paid) == (2, 0, 1, 0.5)
    replaced = [requests[0].replaced(), requests[0].replaced().replaced()]
    store.save(answered(replaced, stop_reason="refusal"))
    [line] = cost_sheet(lambda: requests, CONFIG, store, count)
    assert (line.answered, line.refused, line.usd_paid) == (1, 1, 1.5)


def test_nothing_is_counted_where_nothing_is_left(store: Store) -> None:
    requests = list(some_requests(3)())
    store.save(answered(requests))

    def unwanted(request: Request, prefix_alone: bool) -> float:
        raise AssertionError("there is nothing to count")

    [line] = cost_sheet(lambda: requests, CONFIG, store, unwanted)
    assert (line.usd_left, line.usd, line.answered) == (0.0, 1.5, 3)
    assert cost_sheet(lambda: requests, CONFIG, store) == [line], "neither key nor network is needed"
    assert cost_sheet(lambda: [], CONFIG, store) == []


def test_steps_are_lines_in_the_order_of_their_requests(store: Store) -> None:
    steps = ["write", "strip", "write", "judge"]
    asked = [make_request(step, CALL, "Write.", f"{n}") for n, step in enumerate(steps)]
    lines = cost_sheet(lambda: asked, CONFIG, store, count)
    assert [(line.step, line.requests) for line in lines] == [("write", 2), ("strip", 1), ("judge", 1)]


def test_prompts_of_other_lengths_are_taken_in_proportion(store: Store) -> None:
    """A token is four bytes here, and only a sample of the prompts is counted."""
    counted: list[str] = []

    def by_length(request: Request, prefix_alone: bool) -> float:
        counted.append(request.key)
        return 0 if prefix_alone else request.size / 4

    asked = [make_request("documents", CALL, "Write.", "word " * n) for n in range(500)]
    [line] = cost_sheet(lambda: asked, CONFIG, store, by_length)
    assert line.input_tokens == pytest.approx(sum(one.size for one in asked) / 4)
    assert len(set(counted)) <= 21


def test_a_model_without_a_price_is_told_before_anything_is_asked(store: Store) -> None:
    requests = some_requests(1, CALL.model_copy(update={"model": "unpriced"}))
    with pytest.raises(UserError, match="no price for unpriced; add one, with its date"):
        cost_sheet(requests, CONFIG, store, count)


def test_the_counts_of_a_run_begin_with_those_of_its_sheet() -> None:
    lines = [
        Line("write", 10, 4, usd_paid=0.5, usd_left=9.0, refused=1),
        Line("strip", 5, 5, usd_paid=0.25, refused=2),
    ]
    found = Counts.on_sheet(lines)
    assert found == Counts(requests=15, answered=9, refused=3, usd=0.75, by_step={"write": 0.5, "strip": 0.25})
    assert lines[0] + Line("write", 1, 1, 2.0, 3.0, 4.0, 5.0, 6.0, 7) == Line(
        "write", 11, 5, 2.0, 3.0, 4.0, 5.5, 15.0, 8
    )
