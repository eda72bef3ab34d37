"""`dvc.yaml`, written from the registered pipelines and the catalog.

A stage is one pipeline, run by one `kedro run`, which skips the nodes that are up to date: DVC says which pipelines
have something to do, lineage records say which nodes. Outputs persist, so that what is finished stays.

DVC compares bytes, and a comment changes those of a source file. So a stage depends not on source files but on a file
with the identity of its nodes' code; the stage `code`, which takes seconds, writes these files when any source changes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from kedro.framework import project
from kedro.pipeline.node import Node

from alignment_pretraining.core.code import function_name
from alignment_pretraining.core.files import write_text
from alignment_pretraining.lineage.graph import Graph, is_parameter
from alignment_pretraining.lineage.metrics import CURVE, FINAL
from alignment_pretraining.lineage.parameters import MISSING, parameter
from alignment_pretraining.lineage.records import FOLDER, node_inputs

# DVC leaves these in place when a stage runs again.
_KEPT = {"persist": True}

ParameterFiles = Mapping[str, Mapping[str, Any]]  # content by path

HEADER = "# Written by `kedro dvc` from the pipelines and the catalog. Do not edit: run `kedro dvc` again.\n"


def dvc_yaml(graph: Graph, env: str) -> str:
    """Text of `dvc.yaml` for `env`: stages with cmd, deps, params, outs and metrics, and plots of the curves."""
    files = dict(_parameter_files(graph.root, env))
    stages = {pipeline: _stage(graph, env, pipeline, files) for pipeline in _pipelines(graph)}
    stages["code"] = _code_stage(graph, env)
    plots = list(_plots(graph))
    content: dict[str, Any] = {"stages": dict(sorted(stages.items()))}
    if plots:
        content["plots"] = plots
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)


def write_code_files(graph: Graph) -> list[Path]:
    """Write the code identity of each pipeline's functions, by function and module; returns the files."""
    files = {graph.root / _code_file(pipeline): pipeline for pipeline in _pipelines(graph)}
    for path, pipeline in files.items():
        identities = {function_name(node.func): graph.code(node).modules for node in _nodes(graph, pipeline)}
        write_text(path, json.dumps(identities, indent=2, sort_keys=True) + "\n")
    return list(files)


def _code_file(pipeline: str) -> Path:
    return FOLDER / "code" / f"{pipeline}.json"


def _code_stage(graph: Graph, env: str) -> dict[str, Any]:
    return {
        "cmd": f"kedro dvc --env {env} --code",
        "deps": [f"src/{project.PACKAGE_NAME}"],
        "outs": [_code_file(pipeline).as_posix() for pipeline in _pipelines(graph)],
    }


def _nodes(graph: Graph, pipeline: str) -> list[Node]:
    return [node for name, node in sorted(graph.nodes.items()) if graph.places[name].pipeline == pipeline]


def _pipelines(graph: Graph) -> list[str]:
    return sorted({place.pipeline for place in graph.places.values()})


def _stage(graph: Graph, env: str, pipeline: str, files: ParameterFiles) -> dict[str, Any]:
    nodes = _nodes(graph, pipeline)
    made = {name for node in nodes for name in node.outputs}
    read = {name for node in nodes for name in node_inputs(node)} - made
    code = {_code_file(pipeline).as_posix()}
    outs = [graph.relative(name) for name in graph.persisted(list(made)) if not name.endswith(FINAL)]
    metrics = [graph.relative(name) for name in graph.persisted(list(made)) if name.endswith(FINAL)]
    stage: dict[str, Any] = {
        "cmd": f"kedro run --env {env} --pipelines {pipeline}",
        "deps": sorted({graph.relative(name) for name in graph.persisted(list(read))} | code),
        "params": _params(files, {name for node in nodes for name in node.inputs if is_parameter(name)}),
        "outs": [{path: _KEPT} for path in sorted([*outs, (FOLDER / pipeline).as_posix()])],
        "metrics": [{path: _KEPT} for path in sorted(metrics)],
    }
    return {key: value for key, value in stage.items() if value}


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
