"""MLflow is a passenger: whatever becomes of it, the run goes on, and what it did not take is sent later."""

import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric, _validate_param

from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.lineage.tracking import metric_name
from tests.lineage.lineage_project import Project, environment
from tests.lineage.test_lock import long_run
from tests.lineage.test_mlflow import runs

pytestmark = pytest.mark.tracked

RATES = "data/08_reporting/rates.csv"


def kedro(project: Project, uri: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command with another tracking server; what it said is in `stdout`."""
    return subprocess.run(
        ["kedro", *command],
        cwd=project.root,
        env={**environment(), "MLFLOW_TRACKING_URI": uri, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://me:a-secret@127.0.0.1:{server.getsockname()[1]}"


def test_a_damaged_database_stops_nothing(run_toy: Project) -> None:
    before = (run_toy.root / RATES).read_bytes()
    whole = run_toy.root / "whole.db"
    shutil.copy(run_toy.root / "mlflow.db", whole)
    (run_toy.root / "mlflow.db").write_bytes(b"no database at all" * 1000)
    said = run_toy("kedro", "run", "--force", "--namespaces", "a")
    assert said.count("does not answer; the run goes on without it") == 1
    assert len(said.splitlines()) < 20
    assert "Traceback" not in said
    assert (run_toy.root / RATES).read_bytes() == before
    refused = run_toy("kedro", "track", code=1)
    assert "Traceback" not in refused
    assert "is kept" in refused
    shutil.rmtree(run_toy.root / "mlflow.db", ignore_errors=True)
    shutil.copy(whole, run_toy.root / "mlflow.db")
    assert "sent: kedro run --force" in run_toy("kedro", "track")
    command, *children = runs(run_toy)[9:]
    assert {run.info.status for run in (command, *children)} == {"FINISHED"}
    assert {run.data.tags["pipeline"] for run in children} == {"training", "eval"}
    training = next(run for run in children if run.data.tags["pipeline"] == "training")
    assert round(training.data.metrics["pretraining/loss"], 2) == 0.33
    assert run_toy("kedro", "track").strip().endswith("MLflow has everything")


def test_a_server_that_never_answers_costs_one_wait_and_shows_no_password(toy: Project) -> None:
    with silent_server() as uri:
        done = kedro(toy, uri, "run", MLFLOW_HTTP_REQUEST_TIMEOUT="1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        refused = kedro(toy, uri, "track", MLFLOW_HTTP_REQUEST_TIMEOUT="1", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("does not answer") == 1
    assert "http://me:***@127.0.0.1" in done.stdout
    assert refused.returncode == 1
    assert (toy.root / RATES).exists()
    kept = "".join(file.read_text() for file in (toy.root / "data/lineage/unsent").iterdir())
    assert "a-secret" not in done.stdout + refused.stdout + kept
    assert "sent: kedro run" in toy("kedro", "track")
    assert len(runs(toy)) == 9


def test_a_locked_database_stops_nothing(run_toy: Project) -> None:
    with closing(sqlite3.connect(run_toy.root / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = run_toy("kedro", "run", "--force", "--pipelines", "mixing")
    assert said.count("does not answer") == 1
    assert "sent:" in run_toy("kedro", "track")
    assert len(runs(run_toy)) == 11


def test_without_mlflow(toy: Project) -> None:
    done = kedro(toy, "none", "run")
    assert done.returncode == 0, done.stdout
    assert not (toy.root / "mlflow.db").exists()
    assert not (toy.root / "data/lineage/unsent").exists()
    assert "MLFLOW_TRACKING_URI is none" in kedro(toy, "none", "track").stdout
    assert "MLflow run -" in toy("kedro", "trace", "rate/a", "--full")


def test_a_uri_without_a_scheme_is_refused(toy: Project) -> None:
    done = kedro(toy, "other.db", "run", "--pipelines", "mixing")
    assert done.returncode == 1
    assert "MLFLOW_TRACKING_URI=other.db has no scheme; write sqlite:///other.db" in done.stdout


def test_what_a_killed_run_left_running_ends_as_killed(run_toy: Project) -> None:
    with long_run(run_toy) as run:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert {run.info.status for run in runs(run_toy)[9:]} == {"RUNNING"}
    run_toy("kedro", "run", "--env", "test", "--pipelines", "mixing")  # at work elsewhere: it cannot know
    assert {run.info.status for run in runs(run_toy)[9:11]} == {"RUNNING"}
    run_toy("kedro", "run", "--force", "--pipelines", "mixing")
    statuses = [run.info.status for run in runs(run_toy)[9:]]
    assert statuses.count("KILLED") == 2
    assert "RUNNING" not in statuses


def test_track_ends_what_was_killed_but_not_what_is_at_work(run_toy: Project) -> None:
    with long_run(run_toy) as run:
        assert "MLflow has everything" in run_toy("kedro", "track")
        assert {run.info.status for run in runs(run_toy)[9:]} == {"RUNNING"}
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert "ended as killed: 2 runs" in run_toy("kedro", "track")
    assert {run.info.status for run in runs(run_toy)[9:]} == {"KILLED"}
    assert "MLflow has everything" in run_toy("kedro", "track")


@pytest.mark.parametrize(
    ("number", "runner"),
    [(signal.SIGINT, "SequentialRunner"), (signal.SIGTERM, "ThreadRunner"), (signal.SIGHUP, "ThreadRunner")],
)
def test_a_run_that_is_asked_to_end_ends_as_killed(run_toy: Project, number: signal.Signals, runner: str) -> None:
    with long_run(run_toy, "--runner", runner) as run:
        run.send_signal(number)
        said = run.communicate(timeout=20)[0]
    assert run.returncode == 128 + number
    assert "interrupted; rerun to resume" in said
    assert {run.info.status for run in runs(run_toy)[9:]} == {"KILLED"}


def test_a_project_that_was_moved_keeps_its_artifacts(run_toy: Project) -> None:
    moved = Project(run_toy.root.parent / "moved elsewhere", tracked=True)
    run_toy.root.rename(moved.root)
    moved("kedro", "run", "--force", "--pipelines", "mixing")
    assert not run_toy.root.exists()
    places = {run.info.artifact_uri.split("/mlruns/")[0] for run in runs(moved)}
    assert places == {moved.root.as_uri()}
    back = Project(run_toy.root, tracked=True)
    moved.root.rename(back.root)
    back("kedro", "track")
    assert {run.info.artifact_uri.split("/mlruns/")[0] for run in runs(back)} == {back.root.as_uri()}


def test_two_first_runs_at_once(toy: Project) -> None:
    commands = [["kedro", "run", "--env", env, "--pipelines", "mixing"] for env in ("base", "test")]
    started = [
        subprocess.Popen(command, cwd=toy.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for command in commands
    ]
    for process in started:
        said = process.communicate(timeout=120)[0].decode()
        assert process.returncode == 0, said
        assert "does not answer" not in said
    assert len(runs(toy)) == 4


@given(st.text(min_size=1, max_size=300))
def test_any_name_is_one_that_mlflow_takes(name: str) -> None:
    _validate_metric(metric_name(name), 1.0, 0, 0)  # type: ignore[no-untyped-call]
    _validate_param(metric_name(name), "1")  # type: ignore[no-untyped-call]


def test_plain_names_stay() -> None:
    assert metric_name("pretraining/articles/open/ai.v2 - x") == "pretraining/articles/open/ai.v2 - x"
    assert metric_name("articles/hhh (v2)/rate") == "articles/hhh _v2_/rate"


@given(st.text(alphabet="ab1%.-_!$", min_size=1))
def test_no_password_stays(password: str) -> None:
    assert hide_passwords(f"to http://me:{password}@host:80/a, see") == "to http://me:***@host:80/a, see"
