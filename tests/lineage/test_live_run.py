"""A run as it happens: records say what was read and made, and no record is written that could not be true."""

from collections.abc import Callable
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Told
from alignment_pretraining.lineage.drift import find_drift
from alignment_pretraining.lineage.live_run import LiveRun
from alignment_pretraining.lineage.records import read_record
from tests.lineage.small_graph import Small


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MLflow."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")


def _run(small: Small, name: str, *, meanwhile: Callable[[], object] = lambda: None) -> None:
    """A node from its beginning to its last output."""
    graph = small.graph
    run = LiveRun(graph, graph.nodes.values())
    node = graph.nodes[name]
    run.begin(node)
    meanwhile()
    run.computed(node)
    for dataset in node.outputs:
        assert read_record(graph, node) is None, "it waits for the last output"
        small.make(dataset)
        run.saved(node, dataset, None)
    run.end("FINISHED")


def test_a_record_has_what_was_read_made_and_run_with(small: Small) -> None:
    small.nodes["a.seed0.train"]["outputs"].append("counts")
    small.paths["counts"] = "data/counts.json"
    _run(small, "corpus.tokenize")
    _run(small, "a.seed0.train")
    record = read_record(small.graph, small.graph.nodes["a.seed0.train"])
    assert record is not None
    assert record.same_work(small.record("a.seed0.train"))
    assert record.seconds >= 0 and record.mlflow_run is None
    assert (record.commit, record.dirty) == (None, True), "there is no repository here"
    assert find_drift(small.graph, ["a.seed0.pretraining.checkpoint"]) == []


def test_an_input_that_changed_meanwhile_leaves_no_record(small: Small) -> None:
    with pytest.raises(UserError) as error:
        _run(small, "corpus.tokenize", meanwhile=lambda: small.write("data/words.txt", "other words"))
    assert str(error.value) == (
        "data/words.txt changed while corpus.tokenize read it; nothing of it is kept: run it again"
    )
    assert read_record(small.graph, small.graph.nodes["corpus.tokenize"]) is None


def test_code_that_is_edited_while_a_node_runs_is_not_what_ran(small: Small) -> None:
    _run(small, "corpus.tokenize", meanwhile=lambda: small.write("src/toy/text.py", "def split(text): return 1\n"))
    (drift,) = find_drift(small.graph, ["tokens"])
    assert drift.reason == "code toy/text.py changed"


def test_a_node_without_outputs_has_its_record_when_it_is_done(small: Small) -> None:
    small.add("corpus.look", ["words"], [], pipeline="mixing")
    _run(small, "corpus.look")
    record = read_record(small.graph, small.graph.nodes["corpus.look"])
    assert record is not None and record.inputs == {"words": small.graph.digest("words")}


def test_the_report_is_told_of_its_record(small: Small) -> None:
    small.add("reporting.page", ["words"], ["report"], pipeline="reporting")
    small.paths["report"] = "data/report.html"
    _run(small, "reporting.page")
    assert str(small.graph.digest("words")) in (small.root / "data/lineage/report.js").read_text()


class Heard:
    """What a tracker is told of metrics."""

    def __init__(self) -> None:
        self.points: list[Any] = []

    def metrics(self, place: Any, points: Any) -> None:
        self.points += points


def test_figures_of_a_node_at_work_come_now_and_then_and_at_its_end(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = small.graph
    run, heard = LiveRun(graph, graph.nodes.values()), Heard()
    run.tracked = heard  # type: ignore[assignment]
    at_work = [Told("a.seed0.train", "steps", done, 10, {"loss": 2.0, "state": "on"}, False) for done in (1, 2, 3)]
    run.told(at_work[0])
    assert heard.points == [], "it has not begun"
    run.started = {"a.seed0.train": 0.0, "corpus.tokenize": 0.0}
    now = iter([100.0, 105.0, 111.0, 112.0, 113.0, 114.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    for told in at_work:
        run.told(told)
    run.told(Told("a.seed0.train", "steps", 10, 10, {"loss": 1.0}, True))
    run.told(Told("corpus.tokenize", "documents", 4, 4, {"kept": 3}, False))
    run.told(Told("nobody", "steps", 1, 1, {"loss": 1.0}, True))
    assert heard.points == [
        ("live/train/loss", 2.0, 1),
        ("live/train/loss", 2.0, 3),
        ("live/train/loss", 1.0, 10),
        ("live/corpus.tokenize/kept", 3, 4),
    ]


def test_a_run_in_which_no_node_began_leaves_nothing(small: Small) -> None:
    before = sorted(small.root.rglob("*"))
    LiveRun(small.graph, small.graph.nodes.values()).end("FINISHED")
    assert sorted(small.root.rglob("*")) == before
