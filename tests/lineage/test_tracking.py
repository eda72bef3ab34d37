"""What MLflow has of a command: its runs, what they are about, and how they ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from alignment_pretraining.lineage.graph import NodePlace
from alignment_pretraining.lineage.tracker import Tracker, end_what_was_killed, place_of, send_kept, unsent_folder
from alignment_pretraining.lineage.tracking import Command, CommandRun, Event
from tests.lineage.small_graph import Small


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose path needs care in a query; making its database takes a while."""
    root = tmp_path_factory.mktemp("o'brien's study")
    for name in (".cache", "data"):
        (root / name).mkdir()
    return root


@pytest.fixture
def uri(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield f"sqlite:///{root}/mlflow.db"


def _command(root: Path, name: str) -> Command:
    """A command of an experiment of its own."""
    tags = {"place": place_of(root, None), "git.commit": "0123", "url": "http://me:a-secret@host"}
    return Command(id=name, name="kedro run", experiment=name, tags=tags, began=1000)


def _runs(uri: str, experiment: str) -> dict[str, Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])} if found else {}


def _artifacts(runs: dict[str, Any]) -> Path:
    """Where what the training left lies."""
    return Path(unquote(urlsplit(runs["a seed0 training"].info.artifact_uri).path))


def _sample(runs: dict[str, Any]) -> str:
    return (_artifacts(runs) / "samples.txt").read_bytes().decode()


def _event(kind: Any, content: Any, pipeline: str | None = "training", namespace: str = "a.seed0") -> Event:
    return Event(kind=kind, pipeline=pipeline, namespace=namespace, content=content, when=2000)


def test_runs_stand_below_the_command_by_arm_seed_and_pipeline(root: Path, uri: str) -> None:
    run = CommandRun(uri, root, _command(root, "places"))
    places = {
        ("training", "a.seed0"): "a seed0 training",
        ("training", "a.seed1"): "a seed1 training",
        ("mixing", "corpus"): "mixing",
        ("mixing", "other"): "mixing",
        ("summary", "a"): "a",
    }
    ids = {place: run.run_id(*place) for place in places if place[1] != "corpus"}
    ids |= {place: run.run_id(*place) for place in places}
    runs = _runs(uri, "places")
    assert set(runs) == {"kedro run", *places.values()}
    assert {place: runs[name].info.run_id for place, name in places.items()} == ids
    command = runs["kedro run"].info.run_id
    assert run.run_id(None, "") == command
    parents = {name: one.data.tags.get("mlflow.parentRunId") for name, one in runs.items()}
    assert parents == dict.fromkeys(runs, command) | {"kedro run": None, "a": None}
    tags = runs["a seed0 training"].data.tags
    assert (tags["arm"], tags["seed"], tags["pipeline"], tags["git.commit"]) == ("a", "0", "training", "0123")
    assert tags["url"] == "http://me:***@host"
    assert runs["kedro run"].info.start_time == 1000


def test_an_event_that_is_sent_twice_is_there_once(root: Path, uri: str) -> None:
    events = [
        _event("params", [["rate", 0.5], ["long", "x" * 600], ["odd (name)", "http://me:a-secret@host"]]),
        _event("metrics", [["loss", 2.0, 1], ["loss", 1.0, 2], ["bad", float("nan"), 1], ["worse", float("inf"), 1]]),
        _event("inputs", [["tokens", "a" * 40, "data/tokens.json"]]),
        _event("text", ["see http://me:a-secret@host", "samples.txt"]),
        _event("files", [str(root / "gone"), "checkpoint"]),
    ]
    for _ in range(2):
        run = CommandRun(uri, root, _command(root, "twice"))
        for event in events:
            run.apply(event)
    found = _runs(uri, "twice")
    assert len(found) == 2
    data = found["a seed0 training"].data
    assert data.params == {"rate": "0.5", "long": "x" * 500, "odd _name_": "http://me:***@host"}
    assert data.metrics == {"loss": 1.0}
    (read,) = found["a seed0 training"].inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest, read.dataset.source) == ("tokens", "a" * 36, "data/tokens.json")
    assert _sample(found) == "see http://me:***@host"
    assert _artifacts(found).is_relative_to(root / "mlruns")


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_the_end_of_a_command_is_that_of_its_runs(root: Path, uri: str, status: str) -> None:
    run = CommandRun(uri, root, _command(root, f"end {status}"))
    run.run_id("training", "a.seed0")
    run.apply(_event("end", status, None, ""))
    assert {one.info.status for one in _runs(uri, f"end {status}").values()} == {status}


def test_a_command_that_failed_once_stays_failed_whatever_its_later_processes_say(root: Path, uri: str) -> None:
    for status in ("FAILED", "FINISHED"):
        run = CommandRun(uri, root, _command(root, "stages"))
        run.apply(_event("end", status, None, ""))
    assert [one.info.status for one in _runs(uri, "stages").values()] == ["FAILED"]


def test_what_was_killed_at_this_place_is_ended_and_nothing_else(root: Path, uri: str) -> None:
    killed = CommandRun(uri, root, _command(root, "killed"))
    killed.run_id("training", "a.seed0")
    elsewhere = _command(root, "killed").model_copy(update={"id": "other", "name": "elsewhere", "tags": {"place": "x"}})
    CommandRun(uri, root, elsewhere)
    now = _command(root, "killed").model_copy(update={"id": "now", "name": "now"})
    run = CommandRun(uri, root, now)
    run.run_id("mixing", "corpus")
    run.end_killed()
    assert {name: one.info.status for name, one in _runs(uri, "killed").items()} == {
        "kedro run": "KILLED", "a seed0 training": "KILLED",
        "elsewhere": "RUNNING", "now": "RUNNING", "mixing": "RUNNING",
    }  # fmt: skip
    assert end_what_was_killed(root, None) >= 2
    assert {one.info.status for one in _runs(uri, "killed").values()} == {"KILLED", "RUNNING"}
    assert end_what_was_killed(root, None) == 0


def test_what_was_kept_arrives_as_it_was(root: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'one\u2028two\x85three\n"four" \\ é'
    tracker = Tracker(Small(root).graph, _command(root, "kept"), "nosuch://host")
    tracker.text(NodePlace("training", "a.seed0"), text, "samples.txt")
    tracker.end("FINISHED")
    assert _runs(uri, "kept") == {}
    assert send_kept(root, None) == ["kedro run"]
    assert list(unsent_folder(root, None).iterdir()) == []
    found = _runs(uri, "kept")
    assert {one.info.status for one in found.values()} == {"FINISHED"}
    assert _sample(found) == text
