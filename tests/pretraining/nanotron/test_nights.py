"""What a job meets in a night: crashes, a time limit, a tracking server that never answers."""

import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution import live, saves
from alignment_pretraining.pretraining.nanotron import slurm
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.layout import Layout
from tests.pretraining.nanotron.tiny_cluster import cluster

Ends = list[tuple[str, int]]  # how each job ended, and the step that was saved by then


@pytest.fixture
def job_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Ends], Callable[[], None]]:
    """Runs a stage of 24 steps by jobs that end as told."""
    settings = {"time": "1:00:00", "poll_seconds": 0.1}
    described: Cluster = cluster(Layout(), launcher="slurm", slurm=settings, resubmissions=2)

    def prepared(ends: Ends) -> Callable[[], None]:
        jobs = iter(ends)

        def run(job: Any, progress: Any) -> Counter[str]:
            state, step = next(jobs)
            folder = tmp_path / "checkpoints" / str(step)
            folder.mkdir(parents=True, exist_ok=True)
            saves.mark_whole(folder, {})
            return Counter([state] if state else [])

        monkeypatch.setattr("alignment_pretraining.execution.slurm.run", run)
        return lambda: slurm.run_slurm(tmp_path / "config.yaml", "stage", Layout(), 24, described)

    return prepared


def test_a_crashed_job_is_submitted_again_as_long_as_it_gets_on(job_of: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        job_of([("FAILED", 0), ("FAILED", 0), ("NODE_FAIL", 6), ("", 6), ("TIMEOUT", 12), ("COMPLETED", 24)])()
    assert "ended as FAILED with step 0 saved; submitted again (2 of 2 in vain)" in caplog.text
    assert "ended as unknown with step 6 saved; submitted again (1 of 2 in vain)" in caplog.text


def test_one_that_brings_nothing_is_given_up_and_a_cancelled_one_at_once(job_of: Any) -> None:
    with pytest.raises(UserError, match=r"ended as FAILED with step 6 saved; see .*job\.log; run again to go on"):
        job_of([("FAILED", 6), ("FAILED", 6), ("FAILED", 6), ("FAILED", 6), ("COMPLETED", 24)])()
    with pytest.raises(UserError, match="ended as CANCELLED with step 12 saved"):
        job_of([("CANCELLED", 12), ("COMPLETED", 24)])()


@pytest.fixture
def mute_server() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_tracking_server_that_never_answers_holds_up_nothing(
    mute_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "MLFLOW_TRACKING_URI", mute_server)
    monkeypatch.setitem(os.environ, "MLFLOW_RUN_ID", "run")
    monkeypatch.setattr(live, "EVERY", 0.01)
    monkeypatch.setattr(live, "_LAST", 0.5)
    metrics, started = live.LiveMetrics("pretraining"), time.monotonic()
    for step in range(100):
        metrics.add({"step": step, "loss": 1.0}, last=False)
    assert time.monotonic() - started < 0.5
    metrics.add({"step": 100, "loss": 1.0}, last=True)
    assert time.monotonic() - started < 5
