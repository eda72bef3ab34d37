"""Nodes, their places, and what lies on disk, from pipelines as Kedro has them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import dvc_hash
from alignment_pretraining.datasets import FolderDataset, ScratchDataset, TextDataset
from alignment_pretraining.lineage.dvc_export import check_outputs
from alignment_pretraining.lineage.graph import Graph, NodePlace, is_parameter


def make(*inputs: Any, seed: int = 0) -> None:
    """A node's work."""


pytestmark = pytest.mark.filterwarnings("ignore:One or more dataset names contain")  # as the settings have it


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    train = node(partial(make, seed=3), ["words", "params:stage"], "a.seed0.model", name="train", namespace="a.seed0")
    score = node(make, ["a.seed0.model", "params:evaluation.items"], "scores", name="score")
    more = node(make, ["scores", "params:tampering", "params:evaluation"], "tampered", name="tamper", namespace="t.u")
    parts = {"training": Pipeline([train]), "eval": Pipeline([score]), "tampering": Pipeline([more])}
    whole = {"__default__": parts["training"] + parts["eval"], **parts}
    catalog = DataCatalog(
        {
            "words": TextDataset(filepath="data/words.txt"),
            "a.seed0.model": FolderDataset("data/model"),
            "scores": TextDataset(filepath=str(tmp_path.parent / "elsewhere.txt")),
            "tampered": TextDataset(filepath="memory://far/x.txt"),
            "scratch": ScratchDataset("data/scratch"),
        }
    )
    params = {"stage": {"rate": 1}, "evaluation": {"items": 4}, "tampering": {"at": 1}, "unread": 5}
    return Graph(tmp_path, whole, catalog, params)


def test_a_node_stands_in_its_own_pipeline_and_not_in_the_sum(graph: Graph) -> None:
    assert {name: place.pipeline for name, place in graph.places.items()} == {
        "a.seed0.train": "training",
        "score": "eval",
        "t.u.tamper": "tampering",
    }
    assert {node.name for node in graph.study_nodes} == {"a.seed0.train", "score"}
    assert graph.study_outputs == ["a.seed0.model", "scores"]


def test_parameters_of_optional_pipelines_alone_are_not_the_studys(graph: Graph) -> None:
    assert graph.study_params == {"stage": {"rate": 1}, "evaluation": {"items": 4}, "unread": 5}


@pytest.mark.parametrize(
    ("namespace", "group", "arm", "seed"),
    [
        ("a.seed3", "a", "a", "3"),
        ("a", "a", "-", "-"),
        ("synthesis.world", "synthesis", "-", "-"),
        ("", "_", "-", "-"),
        ("a.seed3.more", "a", "-", "-"),
    ],
)
def test_a_place_knows_its_group_arm_and_seed(namespace: str, group: str, arm: str, seed: str) -> None:
    place = NodePlace("training", namespace)
    assert (place.group, place.arm, place.seed) == (group, arm, seed)


def test_places_are_of_this_disk_alone(graph: Graph, tmp_path: Path) -> None:
    assert graph.path("words") == tmp_path / "data/words.txt"
    assert graph.path("a.seed0.model") == tmp_path / "data/model"
    for name in ("params:stage", "parameters", "tampered", "scratch", "package:scipy"):
        assert graph.path(name) is None, name
    assert graph.persisted(["words", "tampered", "a.seed0.model", "words"]) == ["a.seed0.model", "words"]
    names = ("words", "scores", "tampered", "files:mine/x.jsonl")
    assert [graph.relative(name) for name in names] == [
        "data/words.txt",
        (tmp_path.parent / "elsewhere.txt").as_posix(),
        "tampered",
        "mine/x.jsonl",
    ]


def test_a_hash_holds_until_it_is_forgotten(graph: Graph, tmp_path: Path) -> None:
    assert graph.digest("words") is None
    (tmp_path / "data/model").mkdir(parents=True)
    for name, place in (("words", tmp_path / "data/words.txt"), ("a.seed0.model", tmp_path / "data/model/weights")):
        place.write_text("1")
        before = graph.digest(name)
        assert before == dvc_hash(graph.path(name))  # type: ignore[arg-type]
        place.write_text("22")
        assert graph.digest(name) == before
        graph.forget(name)
        assert graph.digest(name) != before


def test_what_is_read_outside_is_hashed_again_once_forgotten(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("1")
    before = graph.digest("files:mine.txt")
    (tmp_path / "mine.txt").write_text("22")
    assert graph.digest("files:mine.txt") == before
    graph.forget("files:mine.txt")
    assert graph.digest("files:mine.txt") not in (before, None)


def test_the_command_that_makes_a_nodes_outputs(graph: Graph, tmp_path: Path) -> None:
    commands = {name: graph.command(node) for name, node in graph.nodes.items()}
    assert commands == {
        "a.seed0.train": "kedro run --pipelines training --namespaces a",
        "score": "kedro run --pipelines eval --nodes score",
        "t.u.tamper": "kedro run --pipelines tampering --namespaces t",
    }
    other = Graph(tmp_path, {"eval": Pipeline([node(make, "words", "scores", name="score")])}, graph.catalog, {}, "gpu")
    assert other.command(other.nodes["score"]) == "kedro run --env gpu --pipelines eval --nodes score"
    assert (graph.command_for_all, other.command_for_all) == ("dvc repro", "kedro run --env gpu")


def test_inputs_are_data_and_what_is_bound_is_told(graph: Graph) -> None:
    assert graph.inputs(graph.nodes["a.seed0.train"]) == ["words"]
    assert graph.bound(graph.nodes["a.seed0.train"]) == {"seed": 3}
    assert graph.function(graph.nodes["a.seed0.train"]) == (__name__, "make")
    assert graph.makers["scores"].name == "score"


@pytest.mark.parametrize(
    ("name", "is_one"), [("parameters", True), ("params:a.b", True), ("params", False), ("parameters.a", False)]
)
def test_parameters_are_told_by_name(name: str, is_one: bool) -> None:
    assert is_parameter(name) == is_one


def test_an_output_that_nothing_could_follow_is_named(graph: Graph) -> None:
    with pytest.raises(UserError, match=r"^tampered, which t\.u\.tamper makes, has no place on disk; give it an entry"):
        check_outputs(graph)
