"""Whatever goes wrong, no document is lost and none is paid for twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import CALL, api_config, some_requests

COUNT = 120

ANYWHERE: list[dict[str, int]] = [
    {},
    {"rate_limit": 4},
    {"overloaded": 4},
    {"server_error": 4},
    {"slow": 2},
    {"max_tokens": 5},
    {"odd_success": 3},
]
IN_BATCHES: list[dict[str, int]] = [
    {"drop_create": 1},
    {"truncate_create": 1},
    {"lose_batch": 2},
    {"drop_results": 2},
    {"truncate_results": 2},
    {"short_results": 1},
    {"broken_line": 2},
    {"stranger_line": 2},
    {"error_body": 1},
    {"odd_list": 3},
    {"too_large": 2},
    {"expired": 40},
    {"canceled": 30},
    {"errored": 20},
]
IN_STREAMS: list[dict[str, int]] = [{"drop_stream": 5}, {"truncate_stream": 3}, {"error_event": 2}]


@pytest.mark.parametrize(
    ("mode", "faults"),
    [
        *(("batch", faults) for faults in ANYWHERE + IN_BATCHES),
        *(("stream", faults) for faults in ANYWHERE + IN_STREAMS),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, dict) else value,
)
def test_each_request_is_answered_exactly_once(
    server: LocalApi, tmp_path: Path, mode: str, faults: dict[str, int]
) -> None:
    server.set(faults=faults)
    requests = some_requests(COUNT)
    done = answer_all(requests, api_config(server.url, mode=mode), tmp_path, "test")
    state = server.state()
    assert set(state["left"].values()) <= {0}, "a fault did not happen"
    assert done.answered == done.requests == COUNT
    assert len(state["answered"]) == COUNT
    assert set(state["answered"].values()) == {1}
    answers = Store(tmp_path).find([request.key for request in requests()])
    assert len(answers) == COUNT
    stops = [answer.stop_reason for answer in answers.values()]
    assert stops.count("max_tokens") == faults.get("max_tokens", 0)


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_rerun_asks_for_what_is_missing_only(server: LocalApi, tmp_path: Path, mode: str) -> None:
    config = api_config(server.url, mode=mode)
    answer_all(some_requests(30), config, tmp_path, "test")
    answer_all(some_requests(40), config, tmp_path, "test")
    calls = server.state()["calls"]
    done = answer_all(some_requests(40), config, tmp_path, "test")
    assert server.state()["calls"] == calls
    assert sum(server.state()["answered"].values()) == done.answered == 40
    other = CALL.model_copy(update={"temperature": 0.5})
    answer_all(some_requests(5, other), config, tmp_path, "test")
    assert sum(server.state()["answered"].values()) == 45


def test_a_foreign_batch_of_the_same_size_is_left_alone(server: LocalApi, tmp_path: Path) -> None:
    """A submission is lost at the moment when somebody else, on the same account, submits as many requests."""
    server.set(faults={"foreign_batch": 1})
    done = answer_all(some_requests(40), api_config(server.url), tmp_path, "test")
    assert done.answered == 40
    answered = server.state()["answered"]
    assert len(answered) == 80
    assert set(answered.values()) == {1}
    assert len(Store(tmp_path).find([f"stranger-{i}" for i in range(40)])) == 0


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_what_the_api_never_takes_is_an_error_with_its_reason(server: LocalApi, tmp_path: Path, mode: str) -> None:
    config = api_config(server.url, mode=mode, prices={"no-such-model": api_config("").prices["small-model"]})
    requests = some_requests(3, CALL.model_copy(update={"model": "no-such-model"}))
    with pytest.raises(UserError, match=r"refuses 3 requests, such as: .*no-such-model.* more than refused_share"):
        answer_all(requests, config, tmp_path, "test")


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_server_that_stays_down_is_a_clean_error_and_loses_nothing(
    server: LocalApi, tmp_path: Path, mode: str
) -> None:
    config = api_config(server.url, mode=mode, retries=1)
    answer_all(some_requests(10), config, tmp_path, "test")
    server.set(faults={"overloaded": 100})
    with pytest.raises(UserError, match="529"):
        answer_all(some_requests(20), config, tmp_path, "test")
    server.set(faults={})
    assert answer_all(some_requests(20), config, tmp_path, "test").answered == 20
    assert set(server.state()["answered"].values()) == {1}


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_wait_of_an_hour_is_told_instead(server: LocalApi, tmp_path: Path, mode: str) -> None:
    server.set(faults={"rate_limit": 1}, retry_after="3600")
    with pytest.raises(UserError, match=r"the API asks to wait 3600 s .* run again after that"):
        answer_all(some_requests(20), api_config(server.url, mode=mode), tmp_path, "test")
    assert answer_all(some_requests(20), api_config(server.url, mode=mode), tmp_path, "test").answered == 20
    assert set(server.state()["answered"].values()) == {1}


def test_retries_are_as_many_as_configured_and_waits_are_told(
    server: LocalApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.set(faults={"overloaded": 1000}, retry_after="1")
    with pytest.raises(UserError, match="529"):
        answer_all(some_requests(1), api_config(server.url, mode="stream", retries=2), tmp_path, "documents")
    assert server.state()["calls"] == {"POST /v1/messages": 3}
    assert "documents: waits 1 s: the API answered 529" in caplog.text


def test_a_batch_stays_below_the_api_s_limit_of_bytes(
    server: LocalApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alignment_pretraining.synthesis.api.batches.BATCH_BYTES", 5_000)
    answer_all(some_requests(60), api_config(server.url, batch_size=60), tmp_path, "test")
    assert 2_500 < server.state()["largest_batch"] <= 5_000
    assert set(server.state()["answered"].values()) == {1}


def test_a_full_queue_is_waited_for_as_long_as_own_batches_run(server: LocalApi, tmp_path: Path) -> None:
    server.set(batches_at_once=1, batch_seconds=1.0)
    done = answer_all(some_requests(30), api_config(server.url, batch_size=10, retries=1), tmp_path, "test")
    assert done.answered == 30
    assert server.state()["batches"] == 3


def test_two_runs_do_not_share_a_store_at_the_same_time(server: LocalApi, tmp_path: Path) -> None:
    with Store(tmp_path).locked(), pytest.raises(UserError, match="another run is using"):
        answer_all(some_requests(1), api_config(server.url), tmp_path, "test")


def test_the_bar_counts_what_was_submitted_succeeded_refused_and_failed() -> None:
    answer = Answer("key", "id", "model", "end_turn", "text", 1, 0, 0, 1, usd=0.25)
    with RequestProgress("documents", total=5, done=1, usd=0.5) as progress:
        progress.submitted(4)
        progress.answered(answer)
        progress.answered(dataclasses.replace(answer, stop_reason="refusal"))
        progress.failed(2)
    assert progress.counts == {"submitted": 4, "succeeded": 1, "refused": 1, "failed": 2}
    assert progress.usd == 1.0
