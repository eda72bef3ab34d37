"""What `kedro plan` and `kedro rehearse` print and refuse."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning import commands
from alignment_pretraining.planning.machines import cluster_of, local_engine
from alignment_pretraining.planning.rehearsal import run
from alignment_pretraining.planning.rehearsal.run import Rehearsed
from alignment_pretraining.planning.synthesis import plan_synthesis
from alignment_pretraining.pretraining.nanotron.layout import Layout
from tests.planning.preflight.test_preflight import parameters

Shown = pytest.CaptureFixture[str]


def words(shown: Shown) -> str:
    return " ".join(shown.readouterr().out.split())


def test_a_layout_that_cannot_run_is_refused_after_the_tables(capsys: Shown) -> None:
    spec = parameters("paper")
    assert spec.cluster is not None
    layouts = spec.cluster.layouts | {"cpt": Layout(dp=1)}
    cluster = spec.cluster.model_copy(update={"layouts": layouts})
    with pytest.raises(UserError, match="dp 1 x tp 1 x pp 1 needs about"):
        commands.plan(spec.study, cluster, spec.post_training)
    assert "What is trained, once each" in words(capsys)


def test_the_local_engine_is_planned_whatever_nanotron_could_not_do(capsys: Shown) -> None:
    """Its processes are replicas in float32, which nanotron might have no room for."""
    spec = parameters("gpu")
    machine = cluster_of(spec, "gpu")
    small = machine.model_copy(update={"gpu": machine.gpu.model_copy(update={"memory_gb": 1})})
    commands.plan(spec.study, small, spec.post_training, local_engine(spec))
    assert "4 arms: " in words(capsys)


def test_synthesis_without_a_model_costs_nothing_and_reads_nothing() -> None:
    def refuse(name: str) -> Path:
        raise AssertionError(f"{name} is read")

    for env, generator in (("base", "world"), ("english", "template")):
        spec = parameters(env)
        told = plan_synthesis(spec.synthesis, spec.anthropic, refuse)
        assert told == f"synthesis: the {generator} generator asks no model and costs nothing"


def test_benchmarks_are_priced_on_the_cluster_or_else_on_the_gpu(capsys: Shown) -> None:
    for env, name in (("paper", "H100 SXM"), ("gpu", "H200 SXM")):
        spec = parameters(env)
        facts = {"everyday_facts": {"shots": 0, "metric": "acc"}}
        asked = spec.capability.model_copy(update={"tasks": spec.capability.model_validate({"tasks": facts}).tasks})
        commands.plan_benchmarks(spec.model_copy(update={"capability": asked}))
        shown = words(capsys)
        assert f"hours of {name}" in shown and "everyday_facts 0 226 27,120 0 0" in shown


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """Commands of which the run itself is told; they return the folders that it was given."""
    folders: list[Path] = []

    def call(keep: Path | None = None, **told: Any) -> list[Path]:
        def found(*args: Any) -> Rehearsed:
            folder: Path = args[-1]
            assert folder.is_dir()
            folders.append(folder)
            nodes = Counter({"train_cpt": 2, "evaluate": 5})
            fields: dict[str, Any] = {
                "arms": ["a", "b"],
                "nodes": nodes,
                "stood_in": [],
                "left_out": [],
                "seconds": 61.4,
            }
            return Rehearsed(**fields | {"report": folder / "report.html"} | told)

        monkeypatch.setattr(run, "rehearse", found)
        commands.rehearse(Path(), "mine", {}, parameters("base"), lambda name: name, keep)
        return folders

    return call


def test_a_rehearsal_tells_what_ran_and_what_did_not(rehearsed: Callable[..., list[Path]], capsys: Shown) -> None:
    rehearsed(stood_in=["owner/a", "owner/b"], left_out=["ifeval"])
    assert capsys.readouterr().out.splitlines() == [
        "mine: 7 nodes in 61 s, arms a, b",
        "nodes: evaluate 5, train_cpt 2",
        "stood in for: owner/a, owner/b",
        "left out: ifeval (nothing stands in for it, or what it needs is not installed)",
    ]


def test_files_of_a_rehearsal_stay_where_they_are_asked_to_alone(
    rehearsed: Callable[..., list[Path]], tmp_path: Path, capsys: Shown
) -> None:
    (gone,) = rehearsed()
    assert not gone.exists() and "report" not in capsys.readouterr().out
    kept = tmp_path / "new/folder"
    assert rehearsed(kept)[-1] == kept and kept.is_dir()
    assert f"report: {kept / 'report.html'}" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["file", "full"])
def test_a_rehearsal_is_kept_in_a_new_folder_and_nothing_is_overwritten(
    what: str, rehearsed: Callable[..., list[Path]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    why = {"file": "no folder", "full": "not empty"}[what]
    with pytest.raises(UserError, match=f"{what} is {why}; name a new folder"):
        rehearsed(tmp_path / what)
    (tmp_path / "empty").mkdir()
    assert rehearsed(tmp_path / "empty") == [tmp_path / "empty"]


def test_a_rehearsal_is_given_all_that_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Shown
) -> None:
    given: list[Any] = []

    def found(*args: Any) -> Rehearsed:
        given.extend(args)
        return Rehearsed(["a"], Counter(), [], [], tmp_path, 0.0)

    monkeypatch.setattr(run, "rehearse", found)
    spec: Parameters = parameters("base")
    commands.rehearse(Path("root"), "mine", {"study": 1}, spec, str, tmp_path)
    assert given == [Path("root"), "mine", {"study": 1}, spec, str, tmp_path]
    capsys.readouterr()
