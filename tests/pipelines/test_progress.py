"""How far a run is, whatever runs it, and what is left of one."""

from collections.abc import Iterator
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.progress import node_name
from alignment_pretraining.execution.board import Board
from alignment_pretraining.lineage.hooks import LineageHooks
from alignment_pretraining.pipelines import runner
from alignment_pretraining.pipelines.progress import ProgressHooks
from alignment_pretraining.pipelines.runner import CoreRunner, UnfinishedRunner

PIPELINE = Pipeline([node(len, "words", "count", name="count"), node(abs, "count", "size", name="size")])


def line(hooks: ProgressHooks) -> str:
    assert isinstance(hooks._board, Board)
    return hooks._board.line()


@pytest.fixture
def hooks() -> Iterator[ProgressHooks]:
    made = ProgressHooks()
    yield made
    made.interrupted()


def test_a_run_is_called_by_the_pipelines_that_were_asked_for(hooks: ProgressHooks) -> None:
    for names, title in ((["mixing", "eval"], "mixing, eval"), (["__default__"], "study"), (None, "study")):
        hooks.before_pipeline_run({"pipeline_names": names}, PIPELINE)
        assert line(hooks).startswith(f"{title} 0 of 2 nodes")


def test_nodes_are_counted_as_they_end_and_named_while_they_run(hooks: ProgressHooks) -> None:
    hooks.before_pipeline_run({}, PIPELINE)
    count, size = PIPELINE.nodes
    hooks.before_node_run(count)
    assert "; count " in line(hooks) and node_name.get() == "count"
    hooks.after_node_run(count)
    hooks.before_node_run(size)
    assert line(hooks).startswith("study 1 of 2 nodes") and "; size " in line(hooks)


def test_what_is_up_to_date_is_not_waited_for(hooks: ProgressHooks) -> None:
    hooks.before_pipeline_run({}, PIPELINE)
    hooks.expect(["size"])
    assert line(hooks).startswith("study 0 of 1 nodes")


def test_after_a_run_nothing_is_shown_however_it_ended(hooks: ProgressHooks) -> None:
    for end in (hooks.after_pipeline_run, hooks.on_pipeline_error, hooks.interrupted):
        hooks.before_pipeline_run({}, PIPELINE)
        end()
        assert hooks._board is None
        end()
    hooks.expect(["size"])
    hooks.before_node_run(PIPELINE.nodes[0])
    hooks.after_node_run(PIPELINE.nodes[0])


class Settings:
    """Those of a project with these hooks."""

    def __init__(self, *hooks: Any) -> None:
        self.HOOKS = hooks


@pytest.fixture
def catalog() -> DataCatalog:
    return DataCatalog({"words": MemoryDataset(["a", "b"]), "count": MemoryDataset(), "size": MemoryDataset()})


def finished(monkeypatch: pytest.MonkeyPatch, *names: str) -> ProgressHooks:
    """A project in which nodes are up to date; its hooks that show a run."""
    lineage, progress = LineageHooks(), ProgressHooks()
    lineage.finished = list(names)
    monkeypatch.setattr(runner, "settings", Settings(lineage, progress))
    return progress


def ran(kind: type[CoreRunner], catalog: DataCatalog) -> list[str]:
    """The nodes that a runner of that kind runs."""
    seen: list[str] = []

    def noted(one: Node) -> Node:
        def call(given: Any) -> Any:
            seen.append(one.name)
            return one.func(given)

        return node(call, one.inputs, one.outputs[0], name=one.name)

    kind().run(Pipeline([noted(one) for one in PIPELINE.nodes]), catalog)
    return seen


def test_all_nodes_run_where_none_is_up_to_date(catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(monkeypatch)
    assert ran(UnfinishedRunner, catalog) == ["count", "size"]
    assert catalog.load("size") == 2


def test_a_run_goes_on_after_what_is_up_to_date_and_says_so(
    catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    progress = finished(monkeypatch, "count")
    progress.before_pipeline_run({}, PIPELINE)
    catalog.save("count", -7)
    assert ran(UnfinishedRunner, catalog) == ["size"]
    assert catalog.load("size") == 7
    assert line(progress).startswith("study 0 of 1 nodes")
    assert "1 of 2 nodes are up to date (--force runs them again)" in caplog.messages
    progress.interrupted()


def test_where_everything_is_up_to_date_nothing_runs(catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(monkeypatch, "count", "size")
    assert UnfinishedRunner().run(PIPELINE, catalog) == {}
    assert not catalog.exists("size")


def test_a_forced_run_runs_everything_again(catalog: DataCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(monkeypatch, "count", "size")
    assert ran(CoreRunner, catalog) == ["count", "size"]
