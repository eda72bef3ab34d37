"""A run that is killed at any point goes on where it stopped, and pays for nothing twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi, running_api
from tests.synthesis.api.requests_for_tests import TEST_KEY, api_config, some_requests

COUNT = 2000
REQUESTS = some_requests(COUNT)


def run_until(config: ApiConfig, folder: Path, seconds: float, reached: Callable[[], bool] = lambda: False) -> bool:
    """Run in a process of its own, killed once `reached` or after `seconds`; whether it ended by itself, and well."""
    pid = os.fork()
    if pid == 0:
        try:
            answer_all(REQUESTS, config, folder, "test")
        except BaseException:
            os._exit(1)
        os._exit(0)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0
            return True
        if reached():
            break
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def dataset(folder: Path) -> list[Answer]:
    found = Store(folder).find([request.key for request in REQUESTS()])
    return [found[request.key] for request in REQUESTS()]


def test_killed_at_random_points_2000_requests_give_the_same_dataset_and_are_answered_once(
    server: LocalApi, tmp_path: Path
) -> None:
    rng = Random(0)
    server.set(batch_seconds=0.1)
    config = api_config(server.url, batch_size=100, queued=300)
    kills = 0
    while not run_until(config, tmp_path / "killed", rng.uniform(0.02, 0.2) if kills < 30 else 60):
        kills += 1
    assert kills >= 10
    answered = server.state()["answered"]
    assert len(answered) == COUNT
    assert set(answered.values()) == {1}
    with running_api() as another:
        answer_all(REQUESTS, api_config(another.url, batch_size=200, queued=600), tmp_path / "whole", "test")
    killed, whole = dataset(tmp_path / "killed"), dataset(tmp_path / "whole")
    assert [(a.key, a.text, a.stop_reason) for a in killed] == [(a.key, a.text, a.stop_reason) for a in whole]


def test_killed_while_it_submits_a_run_finds_its_batch_again(server: LocalApi, tmp_path: Path) -> None:
    server.set(faults={"hang_create": 1})
    config = api_config(server.url, batch_size=COUNT, queued=COUNT)
    assert not run_until(config, tmp_path, 60, reached=lambda: server.state()["batches"] == 1)
    assert [batch.batch_id for batch in Store(tmp_path).open_batches()] == [None]
    assert run_until(config, tmp_path, 60)
    assert server.state()["batches"] == 1
    assert set(server.state()["answered"].values()) == {1}


def test_killed_before_it_submits_a_run_submits_once(server: LocalApi, tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.intend_batch(None, [request.key for request in REQUESTS()], 1.0)
    store.close()
    assert run_until(api_config(server.url, batch_size=COUNT, queued=COUNT), tmp_path, 60)
    assert server.state()["batches"] == 1


def test_batches_that_a_killed_run_left_are_collected_in_the_other_mode_too(server: LocalApi, tmp_path: Path) -> None:
    server.set(batch_seconds=2.0)
    config = api_config(server.url, batch_size=500, queued=1000)
    assert not run_until(config, tmp_path, 60, reached=lambda: server.state()["batches"] == 2)
    assert len(Store(tmp_path).open_batches()) == 2
    assert run_until(api_config(server.url, mode="stream"), tmp_path, 60)
    assert server.state()["batches"] == 2
    assert sum(server.state()["answered"].values()) == COUNT


def test_a_stream_that_is_killed_loses_at_most_what_was_on_its_way(server: LocalApi, tmp_path: Path) -> None:
    """The API takes no idempotency key: what it answered and nobody received is asked for again."""
    config = api_config(server.url, mode="stream", concurrency=4)
    kills = 0

    def answered_enough() -> bool:
        return int(sum(server.state()["answered"].values())) >= 150 * (kills + 1)

    while kills < 3 and not run_until(config, tmp_path, 60, reached=answered_enough):
        kills += 1
    assert kills == 3
    answered = sum(server.state()["answered"].values())
    kept = len(Store(tmp_path).find([request.key for request in REQUESTS()]))
    # Four streams, and what came within the time between two commits.
    assert answered - kept <= kills * 30
    assert kept > 100


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
