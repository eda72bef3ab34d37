"""MLflow is told what it takes; the rest is kept in a file that loses nothing, and sent later."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import NodePlace
from alignment_pretraining.lineage.tracker import (
    Tracker,
    end_what_was_killed,
    place_of,
    send_kept,
    unsent_folder,
    within,
)
from alignment_pretraining.lineage.tracking import Command
from tests.lineage.small_graph import Small

NOWHERE = "nosuch://me:a-secret@host/x"  # a kind of server that MLflow does not know
PLACE = NodePlace("training", "a.seed0.x")


def _command(small: Small, number: int = 1) -> Command:
    tags = {"place": place_of(small.root, None), "url": "http://me:a-secret@host"}
    return Command(id=f"dvc {number}", name="kedro run", experiment="toy", tags=tags, began=1)


def _kept(small: Small) -> list[dict[str, Any]]:
    (file,) = unsent_folder(small.root, None).iterdir()
    return [json.loads(line) for line in file.read_text(encoding="utf-8").removesuffix("\n").split("\n")]


def test_what_is_not_taken_is_kept_whole_and_said_once(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    (small.root / ".cache").mkdir()
    tracker = Tracker(small.graph, _command(small), NOWHERE)
    assert tracker.run_id(PLACE) is None
    tracker.params(PLACE, [("rate", 0.5), ("folder", Path("data/x")), ("none", None)])
    tracker.metrics(PLACE, iter([("loss", 1.0, 3)]))
    tracker.metrics(PLACE, [])
    tracker.inputs(PLACE, [("tokens", "0a", "data/tokens.json")])
    tracker.text(None, "line\u2028line\x85line", "samples.txt")
    tracker.end("FINISHED")
    command, *events = _kept(small)
    tracker.text(None, "see http://me:a-secret@host", "uncommitted.diff")
    assert _kept(small)[-1]["content"][0] == "see http://me:***@host"
    assert command["id"] == "dvc 1" and command["name"] == "kedro run"
    assert [(one["kind"], one["pipeline"], one["namespace"], one["content"]) for one in events] == [
        ("params", "training", "a.seed0.x", [["rate", 0.5], ["folder", "data/x"], ["none", None]]),
        ("metrics", "training", "a.seed0.x", [["loss", 1.0, 3]]),
        ("inputs", "training", "a.seed0.x", [["tokens", "0a", "data/tokens.json"]]),
        ("text", None, "", ["line\u2028line\x85line", "samples.txt"]),
        ("end", None, "", "FINISHED"),
    ]
    assert caplog.text.count("does not answer; the run goes on without it") == 1
    assert "nosuch://me:***@host/x" in caplog.text and "a-secret" not in caplog.text
    assert "kedro track sends it later (MLFLOW_TRACKING_URI=none goes without)" in caplog.text


def test_a_later_process_of_the_command_goes_on_in_its_file(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    (small.root / ".cache").mkdir()
    Tracker(small.graph, _command(small), NOWHERE).end("FINISHED")
    caplog.clear()
    Tracker(small.graph, _command(small), NOWHERE).end("FAILED")
    assert [one.get("content") for one in _kept(small)] == [None, "FINISHED", "FAILED"]
    assert not caplog.text, "it is not tried again"


def test_without_a_server_nothing_is_kept(small: Small) -> None:
    tracker = Tracker(small.graph, _command(small), None)
    tracker.metrics(PLACE, [("loss", 1.0, 3)])
    tracker.end("FINISHED")
    assert tracker.run_id(None) is None
    assert not unsent_folder(small.root, None).exists()


def test_where_nothing_can_be_kept_the_run_goes_on(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    (small.root / ".cache").mkdir()
    small.write("data/lineage", "a file where the folder should be")
    tracker = Tracker(small.graph, _command(small), NOWHERE)
    for _ in range(3):
        tracker.metrics(PLACE, [("loss", 1.0, 3)])
    assert caplog.text.count("MLflow will not know of this") == 1


def test_a_large_folder_stays_where_it_is(small: Small) -> None:
    (small.root / ".cache").mkdir()
    tracker = Tracker(small.graph, _command(small), NOWHERE)
    folder = small.root / "data/model"
    small.write("data/model/deep/config.json", "{}")
    tracker.files(PLACE, folder, "checkpoint")
    assert [one.get("content") for one in _kept(small)[1:]] == [[str(folder), "checkpoint"]]
    with (folder / "weights").open("wb") as file:
        file.truncate(25_000_000)
    tracker.files(PLACE, folder, "checkpoint")
    assert len(_kept(small)) == 2


@pytest.mark.parametrize("content", ["", "{", "\n", '{"id": "x"}\n', "\ufeff", "[]"])
def test_a_damaged_file_is_named_with_the_way_out(small: Small, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    small.write("data/lineage/unsent/x.jsonl", content)
    with pytest.raises(UserError, match=r"unsent/x\.jsonl is damaged \(.*\); delete it to go without"):
        send_kept(small.root, None)
    assert (small.root / "data/lineage/unsent/x.jsonl").exists()


def test_a_file_whose_last_line_was_cut_off_is_kept(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    (small.root / ".cache").mkdir()
    Tracker(small.graph, _command(small), NOWHERE).end("FINISHED")
    (file,) = unsent_folder(small.root, None).iterdir()
    before = file.read_text()[:-20]
    file.write_text(before)
    with pytest.raises(UserError, match=f"{file.name} is damaged"):
        send_kept(small.root, None)
    assert file.read_text() == before


def test_what_is_not_taken_now_either_stays(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    (small.root / ".cache").mkdir()
    Tracker(small.graph, _command(small), NOWHERE).end("FINISHED")
    with pytest.raises(UserError) as error:
        send_kept(small.root, None)
    assert "MLflow (nosuch://me:***@host/x) does not answer" in str(error.value)
    assert "dvc-1.jsonl is kept" in str(error.value)
    assert len(_kept(small)) == 2


def test_what_was_kept_cannot_be_sent_to_nowhere(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI is none: there is nowhere to send to"):
        send_kept(small.root, None)
    assert end_what_was_killed(small.root, None) == 0


def test_where_nothing_was_made_nothing_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    assert end_what_was_killed(tmp_path, None) == 0
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match=r"MLflow \(nosuch://me:\*\*\*@host/x\) does not answer"):
        end_what_was_killed(tmp_path, None)
    assert (tmp_path / "data/.run.lock").read_text() == "", "the lock is given back"


def test_a_call_gives_its_result_its_error_or_up() -> None:
    assert within(5, lambda: 3) == 3
    with pytest.raises(KeyError, match="gone"):
        within(5, lambda: dict[str, int]()["gone"])
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.05 s"):
        within(0.05, lambda: time.sleep(2))
    assert time.monotonic() - began < 1.5


def test_places_are_told_apart_by_machine_folder_and_environment(tmp_path: Path) -> None:
    places = {place_of(root, env) for root in (tmp_path, tmp_path / "a") for env in (None, "gpu")}
    assert len(places) == 4
    assert place_of(tmp_path, "local") == place_of(tmp_path, None)
    assert place_of(tmp_path, "gpu").endswith(f":{tmp_path}/environments/gpu/data")
