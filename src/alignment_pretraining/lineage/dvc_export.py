"""`dvc.yaml`, written from the registered pipelines and the catalog.

A stage is one pipeline's nodes of one top-level namespace (Kedro's own grouping), run by one `kedro run`.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from kedro.pipeline.node import Node

from alignment_pretraining.lineage.code import rooms
from alignment_pretraining.lineage.graph import Graph, Place, is_parameter
from alignment_pretraining.lineage.metrics import CURVE, FINAL
from alignment_pretraining.lineage.parameters import MISSING, parameter
from alignment_pretraining.lineage.records import FOLDER, node_inputs, record_path

ParameterFiles = Mapping[str, Mapping[str, Any]]  # content by path

HEADER = "# Written by `kedro dvc` from the pipelines and the catalog. Do not edit: run `kedro dvc` again.\n"


def dvc_yaml(graph: Graph, env: str) -> str:
    """Text of `dvc.yaml` for `env`: stages with cmd, deps, params, outs and metrics, and plots of the curves."""
    files = dict(_parameter_files(graph.root, env))
    stages = {_stage_name(place): _stage(graph, env, nodes, files) for place, nodes in _groups(graph)}
    plots = list(_plots(graph))
    content: dict[str, Any] = {"stages": dict(sorted(stages.items()))}
    if plots:
        content["plots"] = plots
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)


def _groups(graph: Graph) -> Iterator[tuple[Place, list[Node]]]:
    """The nodes of each stage, with the place that names it: a top-level namespace, or a node without one."""

    def stage(name: str) -> Place:
        place = graph.places[name]
        return Place(place.pipeline, place.group if place.namespace else name)

    def order(name: str) -> tuple[str, str]:
        return stage(name).pipeline, stage(name).namespace

    for place, names in groupby(sorted(graph.nodes, key=order), stage):
        yield place, [graph.nodes[name] for name in names]


def _stage_name(place: Place) -> str:
    return place.pipeline if place.namespace == place.pipeline else f"{place.pipeline}-{place.namespace}"


def _stage(graph: Graph, env: str, nodes: list[Node], files: ParameterFiles) -> dict[str, Any]:
    made = {name for node in nodes for name in node.outputs}
    read = {name for node in nodes for name in node_inputs(node)} - made
    code = {room for node in nodes for room in rooms(node.func, graph.root)}
    outs = [graph.relative(name) for name in graph.persisted(list(made)) if not name.endswith(FINAL)]
    metrics = [graph.relative(name) for name in graph.persisted(list(made)) if name.endswith(FINAL)]
    stage: dict[str, Any] = {
        "cmd": graph.command(nodes[0], env),
        "deps": sorted({graph.relative(name) for name in graph.persisted(list(read))} | code),
        "params": _params(files, {name for node in nodes for name in node.inputs if is_parameter(name)}),
        "outs": sorted([*outs, *_record_outs(graph, nodes)]),
        "metrics": sorted(metrics),
    }
    return {key: value for key, value in stage.items() if value}


def _record_outs(graph: Graph, nodes: list[Node]) -> list[str]:
    """The folder of a namespace's records, or the record of a node without a namespace."""
    place = graph.places[nodes[0].name]
    if place.namespace:
        return [(FOLDER / place.pipeline / place.group).as_posix()]
    return [record_path(graph, node).relative_to(graph.root).as_posix() for node in nodes]


def _params(files: ParameterFiles, names: Iterable[str]) -> list[dict[str, list[str] | None]]:
    """Parameter keys by each configuration file of the environment in which they stand."""
    keys = sorted(name.removeprefix("params:") for name in names)
    listed = []
    for file, content in files.items():
        present = [key for key in keys if key == "parameters" or parameter(content, key) != MISSING]
        if present:
            listed.append({file: None if "parameters" in present else present})
    return listed


def _parameter_files(root: Path, env: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for folder in dict.fromkeys(("base", env)):
        for file in sorted((root / "conf" / folder).rglob("*.yml")):
            content = yaml.safe_load(file.read_text())
            if isinstance(content, Mapping) and not file.name.startswith(("catalog", "credentials", "logging")):
                yield file.relative_to(root).as_posix(), content


def _plots(graph: Graph) -> Iterator[dict[str, Any]]:
    """One plot for each stage of training: the loss of every arm and seed over its steps."""
    curves = graph.persisted([name for name in graph.makers if name.endswith(CURVE)])

    def stage(name: str) -> str:
        return name.removesuffix(CURVE).rpartition(".")[2]

    for title, names in groupby(sorted(curves, key=lambda name: (stage(name), name)), stage):
        yield {f"{title} loss": {"x": "step", "y": {graph.relative(name): "loss" for name in names}}}
