"""Budget and session: the limit is never crossed, every answer counts once, and the first problem stops the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.budget import Budget
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.session import Session, TooManyRefusals
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.requests_for_tests import MODEL, api_config, some_requests

ANSWER = Answer("a", "msg_1", MODEL, "end_turn", "text", 1, 0, 0, 1, usd=0.5)
REFUSAL = dataclasses.replace(ANSWER, stop_reason="refusal")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with closing(Store(tmp_path)) as store, RequestProgress("test", 10, 0, 0.0) as progress:
        yield Session(api_config(""), store, Budget(10.0), progress, refusals_left=1)


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100), st.booleans()), max_size=40), st.integers(0, 500))
def test_the_limit_holds_whatever_fits_is_sent(told: list[tuple[int, int, bool]], limit: int) -> None:
    """Cents, of which a request costs at most what was held for it; half of them end later than others begin."""
    budget, spent, on_the_way = Budget(float(limit)), 0, list[tuple[int, int]]()
    for most, cost, waits in told:
        assert budget.fits(most) == (spent + sum(held for held, _ in on_the_way) + most <= limit)
        if budget.fits(most):
            budget.hold(most)
            on_the_way.append((most, min(cost, most)))
        while on_the_way and not waits:
            held, paid = on_the_way.pop()
            budget.settle(held)
            budget.spend(paid)
            spent += paid
    assert budget.spent == spent <= limit
    assert budget.spent + budget.held <= limit


def test_more_than_was_held_frees_nothing_else() -> None:
    budget = Budget(1.0, spent=0.25, held=0.1)
    budget.settle(0.5)
    assert budget.held == 0.0
    assert budget.fits(0.75) and not budget.fits(0.76)


def test_an_answer_that_was_there_already_is_not_paid_again(session: Session) -> None:
    session.keep([ANSWER])
    session.keep([ANSWER, dataclasses.replace(ANSWER, key="b", usd=0.25)])
    assert session.budget.spent == session.progress.usd == session.store.spent() == 0.75
    assert session.progress.counts["succeeded"] == 2
    assert session.problem is None


def test_as_many_refusals_as_are_left_are_taken_and_one_more_stops(session: Session) -> None:
    session.keep([REFUSAL])
    assert session.problem is None
    session.reject("b", "too long")
    assert isinstance(session.problem, TooManyRefusals)
    assert str(session.problem) == "too long"
    assert session.rejected == {"b": "too long"}


def test_a_sample_that_replaces_a_refused_one_is_no_further_refusal(session: Session) -> None:
    session.replacing = {f"key {number}" for number in range(5)}
    session.keep([dataclasses.replace(REFUSAL, key=key) for key in session.replacing])
    assert session.problem is None and session.refusals_left == 1


def test_the_first_problem_counts(session: Session) -> None:
    first = UserError("first")
    session.stop(first)
    session.stop(UserError("second"))
    assert session.problem is first


@pytest.mark.parametrize(("model", "stops"), [("another-model", True), ("", False), (MODEL, False)])
def test_an_answer_of_a_model_without_a_price_is_kept_and_told(session: Session, model: str, stops: bool) -> None:
    session.keep([dataclasses.replace(ANSWER, model=model)])
    assert session.store.answers() == 1
    assert (session.problem is not None) == stops
    if stops:
        assert "anthropic.api.prices: no price for another-model, which answers" in str(session.problem)
        assert "Add its price and run again" in str(session.problem)


@pytest.mark.parametrize("reserved", [0.0, 0.125])
def test_the_limit_is_told_with_what_is_spent_reserved_and_asked(session: Session, reserved: float) -> None:
    [request] = some_requests(1)()
    session.budget = Budget(0.5, spent=0.25)
    session.store.reserve([("x", reserved)] if reserved else [])
    told = str(session.stop_at_limit(request))
    assert told.startswith("max_usd: $0.5 would be crossed: $0.2500 are spent")
    assert ("($0.1250 of it for what may have been billed without an answer)" in told) == bool(reserved)
    assert f"the next request (documents) can cost ${request.most_usd(session.config):.4f}" in told
    assert "raise anthropic.api.max_usd and run again" in told


def test_a_wait_is_told_once_in_half_a_minute_and_short_ones_never(
    session: Session, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("alignment_pretraining.synthesis.api.progress.time.monotonic", lambda: now)
    for passed, seconds in ((0, 0.5), (0, 2), (1, 3), (29.5, 4), (0, 5)):
        now += passed
        session.progress.waiting(seconds, "the API answered 529")
    said: list[Any] = [record.getMessage() for record in caplog.records]
    assert said == ["test: waits 2 s: the API answered 529", "test: waits 4 s: the API answered 529"]
