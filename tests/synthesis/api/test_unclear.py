"""A batch of which it is unclear what became of it is looked for; nothing is sent twice on a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import api_config, billed_usd, some_requests

COUNT = 60
REQUESTS = some_requests(COUNT)


def patient(server: LocalApi, **changes: float) -> dict[str, float]:
    return {"lost_after_seconds": 3.0, "poll_seconds": 0.05, "batch_size": COUNT, **changes}


@pytest.mark.parametrize(
    "settings",
    [
        {"faults": {"error_body": 1}},
        {"faults": {"error_body": 1}, "listed_after_seconds": 1.0},
        {"faults": {"drop_create": 1}, "listed_after_seconds": 1.0, "batch_seconds": 1.5},
        {"faults": {"truncate_create": 1, "odd_list": 2}, "listed_after_seconds": 0.5},
        {"unknown_from": 0.1, "unknown_to": 1.0, "batch_seconds": 0.2},
        {"faults": {"short_results": 3, "broken_line": 3}},
    ],
    ids=["error body", "listed late", "listed late, running", "no list", "404 for a while", "results come late"],
)
def test_a_batch_that_was_made_is_found_and_not_sent_again(
    server: LocalApi, tmp_path: Path, settings: dict[str, object]
) -> None:
    server.set(**settings)
    done = answer_all(REQUESTS, api_config(server.url, **patient(server)), tmp_path, "test")
    state = server.state()
    assert done.answered == COUNT
    assert (state["batches"], set(state["answered"].values())) == (1, {1})
    assert set(state["left"].values()) <= {0}, "a fault did not happen"


def test_a_batch_that_is_gone_without_proof_is_not_sent_again_until_the_user_says_so(
    server: LocalApi, tmp_path: Path
) -> None:
    server.set(unknown_to=1e9)
    config = api_config(server.url, **patient(server, lost_after_seconds=0.3))
    with pytest.raises(UserError, match=r"batch msgbatch_0000 of 60 requests is not known to the API .*lost_batches"):
        answer_all(REQUESTS, config, tmp_path, "test")
    assert server.state()["batches"] == 1
    server.set(unknown_to=0.0)
    assert answer_all(REQUESTS, config, tmp_path, "test").answered == COUNT
    assert server.state()["batches"] == 1

    server.set(unknown_to=0.2)
    lost = config.model_copy(update={"lost_batches": ["msgbatch_0001"]})
    more = some_requests(COUNT + 10)
    assert answer_all(more, lost, tmp_path, "test").answered == COUNT + 10
    # What the lost one may be billed counts as spent.
    assert Store(tmp_path).spent() > billed_usd(server.state())


def test_a_batch_that_only_may_be_another_is_not_sent_again(server: LocalApi, tmp_path: Path) -> None:
    """The listing shows one of its size whose results tell nothing."""
    store = Store(tmp_path)
    store.intend_batch(None, [f"stranger-{i}" for i in range(COUNT)], 1.0)
    server.set(faults={"foreign_batch": 1, "no_results": 100})
    with pytest.raises(UserError, match="batch msgbatch_0000 may be it"):
        answer_all(REQUESTS, api_config(server.url, **patient(server, lost_after_seconds=0.2)), tmp_path, "test")
    assert server.state()["batches"] == 1


def test_results_that_stay_broken_cost_their_own_requests_alone(server: LocalApi, tmp_path: Path) -> None:
    server.set(faults={"broken_line": 4, "short_results": 3})
    config = api_config(server.url, **patient(server), retries=2)
    done = answer_all(REQUESTS, config, tmp_path, "test")
    state = server.state()
    assert done.answered == COUNT
    twice = [key for key, times in state["answered"].items() if times > 1]
    assert 1 <= len(twice) <= 4
    store = Store(tmp_path)
    assert store.open_batches() == []
    assert store.spent() >= billed_usd(state)
