"""Answers that are there already: the last one counts, and refused ones lead to what replaced them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.synthesis.api.found import chains, find_answers, is_final
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Paid
from tests.synthesis.api.requests_for_tests import some_requests

REQUESTS = list(some_requests(4)())
REFUSED, TAKEN = Paid(0.5, True), Paid(1.0, False)
# What became of each request and of those that replaced it, one after another; None: it was not answered.
stories = st.lists(st.sampled_from([REFUSED, TAKEN, None]), max_size=5)


def sample(request: Request, replacement: int) -> Request:
    for _ in range(replacement):
        request = request.replaced()
    return request


@given(st.lists(stories, min_size=4, max_size=4), st.integers(0, 3))
def test_a_chain_follows_refusals_as_far_as_replacements_go(told: list[list[Paid | None]], replacements: int) -> None:
    held = {
        sample(request, place).key: answer
        for request, story in zip(REQUESTS, told, strict=True)
        for place, answer in enumerate(story)
        if answer
    }

    def find(keys: list[str]) -> Mapping[str, Paid]:
        return {key: held[key] for key in keys if key in held}

    found = chains(REQUESTS, find, replacements)
    answers = find_answers(REQUESTS, find, replacements)
    for request, story in zip(REQUESTS, told, strict=True):
        expected: list[Paid] = []
        for answer in story[: replacements + 1]:
            if answer:
                expected.append(answer)
            if answer != REFUSED:
                break
        assert found[request.key] == expected
        assert answers.get(request.key) == (expected[-1] if expected else None)
        done = bool(expected) and (expected[-1] == TAKEN or len(expected) == replacements + 1)
        assert is_final(expected, replacements) == done


def test_a_request_that_is_listed_twice_has_one_chain() -> None:
    found = chains([REQUESTS[0], REQUESTS[0]], lambda keys: {key: TAKEN for key in keys}, 2)
    assert found == {REQUESTS[0].key: [TAKEN]}


def test_nothing_is_looked_up_once_nothing_was_refused() -> None:
    asked: list[int] = []

    def find(keys: list[str]) -> Mapping[str, Paid]:
        asked.append(len(keys))
        return {REQUESTS[0].key: REFUSED, **{one.key: TAKEN for one in REQUESTS[1:]}}

    chains(REQUESTS, find, 2)
    assert asked == [4, 1, 0]
