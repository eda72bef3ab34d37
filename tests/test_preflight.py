"""The preflight of a run: which needs and benchmarks it looks at, by what is left of the run."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from alignment_pretraining import preflight
from alignment_pretraining.context import StudyContext
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.lineage.hooks import LineageHooks
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight import check
from alignment_pretraining.planning.preflight.amounts import Amount, Need
from alignment_pretraining.preflight import PreflightHooks
from tests.planning.preflight.test_preflight import parameters

MIX = node(len, "a", "b", name="mix", tags="mixing")
ASK = node(pow, ["b", "params:capability"], "c", name="ask", tags="eval")
DRAW = node(abs, "c", "d", name="draw", tags="viz")


class Lineage(LineageHooks):
    """Nodes that are up to date, and whether it was told that a run is refused."""

    def __init__(self, *finished: str) -> None:
        super().__init__()
        self.finished, self.told = list(finished), 0

    def refused(self) -> None:
        """Count it."""
        self.told += 1


Run = Callable[..., Lineage]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Begins a run of nodes in the environment `test`, for whose mixing and evaluation something is short."""

    def begin(*nodes: Any, finished: tuple[str, ...] = (), short: tuple[str, ...] = (), **changes: Any) -> Lineage:
        def needs(spec: Parameters, load: Any, data: Path) -> list[Need]:
            assert data == Path("root/environments/test/data")
            return [Need(name, f"{name} text", 2, Amount(1, "counted"), "rows", "raise it") for name in short]

        lineage = Lineage(*finished)
        monkeypatch.setattr(check, "needs_of", needs)
        monkeypatch.setattr(preflight, "settings", SimpleNamespace(HOOKS=(lineage,)))
        context = StudyContext.__new__(StudyContext)
        told = {"specifications": parameters("base").model_copy(update=changes), "env": "test"}
        context.__dict__ |= told | {"_project_path": Path("root"), "project_path": Path("root")}
        hooks = PreflightHooks()
        hooks.after_context_created(context)
        begin.lineage = lineage  # type: ignore[attr-defined]
        hooks.before_pipeline_run(Pipeline(list(nodes)), DataCatalog())
        return lineage

    return begin


def test_a_run_is_refused_by_what_comes_after_it(run: Run) -> None:
    with pytest.raises(UserError, match=r"conf/test: .*1 short:\n  eval text: needs 2 rows, there are 1 rows"):
        run(MIX, short=("eval",))
    assert run.lineage.told == 1, "or its record would be left open"  # type: ignore[attr-defined]


def test_a_run_is_not_refused_by_what_came_before_it(run: Run) -> None:
    assert run(ASK, short=("synthesis", "mixing")).told == 0


def test_what_is_up_to_date_needs_nothing_any_more(run: Run) -> None:
    run(MIX, ASK, finished=("mix",), short=("mixing",))
    run(MIX, ASK, finished=("mix", "ask"), short=("mixing", "eval"))
    with pytest.raises(UserError, match="mixing text"):
        run(MIX, ASK, finished=("ask",), short=("mixing",))


def test_a_run_of_something_else_is_let_through(run: Run) -> None:
    assert run(DRAW, short=("synthesis", "mixing", "eval")).told == 0


def test_benchmarks_are_looked_at_where_they_are_still_to_be_given(run: Run) -> None:
    capability = Capability.model_validate({"tasks": {"popqa": {"shots": 0, "metric": "acc", "folder": "none"}}})
    with pytest.raises(UserError, match=r"capability\.tasks\.popqa"):
        run(MIX, ASK, capability=capability)
    assert run.lineage.told == 1  # type: ignore[attr-defined]
    run(MIX, capability=capability)
    run(MIX, ASK, finished=("ask",), capability=capability)
