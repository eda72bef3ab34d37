"""Metrics reach MLflow while a stage runs, and what MLflow does with them is nothing to the training."""

import os
import threading
from typing import Any

import pytest

from alignment_pretraining.execution import live
from alignment_pretraining.execution.live import LiveMetrics

Sent = list[tuple[str, list[Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The batches that MLflow's client is given, with their run."""
    batches: Sent = []

    class Client:
        def log_batch(self, run: str, metrics: list[Any]) -> None:
            batches.append((run, list(metrics)))

    monkeypatch.setattr("mlflow.tracking.MlflowClient", Client)
    monkeypatch.setattr(live, "EVERY", 0.01)
    monkeypatch.setitem(os.environ, "MLFLOW_RUN_ID", "run7")
    return batches


def test_all_rows_are_there_under_names_of_their_stage_when_the_last_one_was_added(sent: Sent) -> None:
    metrics = LiveMetrics("cpt")
    for step in (1, 2, 3):
        metrics.add({"step": step, "loss": 3.0 / step, "lr": 0.1}, last=step == 3)
    assert {run for run, _ in sent} == {"run7"}
    found = [(one.key, one.step, one.value) for _, batch in sent for one in batch]
    assert found == [(f"live/cpt/{key}", s, v) for s in (1, 2, 3) for key, v in (("loss", 3.0 / s), ("lr", 0.1))]


def test_no_call_has_more_metrics_than_mlflow_takes(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", 30)
    metrics = LiveMetrics("cpt")
    for step in range(1, 1_251):
        metrics.add({"step": step, "loss": 1.0, "lr": 0.1}, last=step == 1_250)
    assert [len(batch) for _, batch in sent] == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    "error", [OSError("no route"), ValueError("run7 is deleted"), RuntimeError("database is locked")]
)
def test_an_error_of_mlflow_is_a_warning(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr("mlflow.tracking.MlflowClient.log_batch", refuse)
    LiveMetrics("cpt").add({"step": 1, "loss": 1.0}, last=True)
    assert f"MLflow took no metrics ({error}); training goes on" in caplog.messages


def test_after_a_refusal_later_rows_are_sent(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = threading.Event()

    def once_away(client: Any, run: str, metrics: list[Any]) -> None:
        if not taken.is_set():
            taken.set()
            raise OSError
        sent.append((run, metrics))

    monkeypatch.setattr("mlflow.tracking.MlflowClient.log_batch", once_away)
    metrics = LiveMetrics("cpt")
    metrics.add({"step": 1, "loss": 1.0}, last=False)
    assert taken.wait(30)
    metrics.add({"step": 2, "loss": 0.5}, last=True)
    assert [(one.step, one.value) for _, batch in sent for one in batch] == [(2, 0.5)]


@pytest.mark.parametrize("run", [None, ""])
def test_without_a_run_nothing_is_sent_and_no_thread_starts(
    sent: Sent, monkeypatch: pytest.MonkeyPatch, run: str | None
) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID")
    if run is not None:
        monkeypatch.setenv("MLFLOW_RUN_ID", run)
    before = threading.active_count()
    metrics = LiveMetrics("cpt")
    metrics.add({"step": 1, "loss": 1.0}, last=False)
    assert threading.active_count() == before
    metrics.add({"step": 2, "loss": 1.0}, last=True)
    assert not sent
