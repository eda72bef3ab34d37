"""`dvc.yaml`, written from the registered pipelines and the catalog.

A stage is one pipeline of the default run, run by one `kedro run`, which skips the nodes that are up to date: DVC says
which pipelines have something to do, lineage records say which nodes. Outputs persist, so that what is finished stays.
The metrics are one small file that git keeps, so that `dvc metrics diff` and `dvc exp show` work in a clone without
data. Plots are the outputs that are images: what DVC itself draws needs a library from the network.

DVC compares bytes, and a comment changes those of a source file. So a stage depends not on source files but on a file
with the identity of its nodes' code; the stage `code`, which takes seconds, writes these files when any source changes.
Each environment has a `dvc.yaml` of its own; its stages run at the root of the project, and their paths start there.
"""

import json
from collections.abc import Iterable, Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml
from kedro.framework import project

from alignment_pretraining.core.code import library_versions
from alignment_pretraining.core.environments import environment_folder, parameter_files
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.lineage.commits import LOCK_FILE
from alignment_pretraining.lineage.graph import Graph, GraphNode, is_parameter
from alignment_pretraining.lineage.metrics import HEADLINE
from alignment_pretraining.lineage.parameters import MISSING, parameter
from alignment_pretraining.lineage.records import records_folder

# DVC leaves these in place when a stage runs again.
_KEPT = {"persist": True}
_IN_GIT = {"cache": False, **_KEPT}
_IMAGE = ".svg"

ParameterFiles = Mapping[str, Mapping[str, Any]]  # content by path

HEADER = "# Written by `kedro dvc` from the pipelines and the catalog. Do not edit: run `kedro dvc` again.\n"


def dvc_yaml(graph: Graph, env: str) -> str:
    """Text of `dvc.yaml` for `env`: stages with cmd, deps, params, outs, metrics and plots."""
    found = parameter_files(graph.root / "conf", env)
    files = {file.relative_to(graph.root).as_posix(): content for file, content in found}
    stages = {pipeline: _stage(graph, env, pipeline, files) for pipeline in _pipelines(graph)}
    stages["code"] = _code_stage(graph, env)
    folder = environment_folder(env)
    if folder.parts:
        stages = {name: {"wdir": relpath(".", folder), **stage} for name, stage in stages.items()}
    content = {"stages": dict(sorted(stages.items()))}
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)


def check_outputs(graph: Graph) -> None:
    """Refuse an output that lies nowhere on this disk, because neither records nor DVC could follow it.

    Raises:
        UserError: names the output and the node that makes it.
    """
    for name, node in graph.makers.items():
        if graph.path(name) is None:
            raise UserError(
                f"{name}, which {node.name} makes, has no place on disk; give it an entry in conf/base/catalog.yml, "
                "of a type that keeps its path in `_filepath`"
            )


def write_code_files(graph: Graph) -> list[Path]:
    """Write what each pipeline's functions are: their code, by module, and the versions of the libraries that they use;
    returns the files.
    """
    files = {graph.root / _code_file(graph.env, pipeline): pipeline for pipeline in _pipelines(graph)}
    for path, pipeline in files.items():
        codes = {".".join(graph.function(node)): graph.code(node) for node in _nodes(graph, pipeline)}
        identities = {
            name: {"code": code.modules, "libraries": library_versions(code.libraries)} for name, code in codes.items()
        }
        write_text(path, json.dumps(identities, indent=2, sort_keys=True) + "\n")
    return list(files)


def _code_file(env: str, pipeline: str) -> Path:
    return records_folder(env) / "code" / f"{pipeline}.json"


def _code_stage(graph: Graph, env: str) -> dict[str, Any]:
    lock = [LOCK_FILE] if (graph.root / LOCK_FILE).is_file() else []
    return {
        "cmd": f"kedro dvc --env {env} --code",
        "deps": [*lock, f"src/{project.PACKAGE_NAME}"],
        "outs": [_code_file(env, pipeline).as_posix() for pipeline in _pipelines(graph)],
    }


def _nodes(graph: Graph, pipeline: str) -> list[GraphNode]:
    return [node for name, node in sorted(graph.nodes.items()) if graph.places[name].pipeline == pipeline]


def _pipelines(graph: Graph) -> list[str]:
    return sorted({place.pipeline for place in graph.places.values() if not place.optional})


def _stage(graph: Graph, env: str, pipeline: str, files: ParameterFiles) -> dict[str, Any]:
    nodes = _nodes(graph, pipeline)
    made = {name for node in nodes for name in node.outputs}
    read = {name for node in nodes for name in graph.inputs(node)} - made
    code = {_code_file(env, pipeline).as_posix()}
    paths = {name: graph.relative(name) for name in graph.persisted(list(made))}
    metrics = [path for name, path in paths.items() if name == HEADLINE]
    plots = [path for path in paths.values() if path.endswith(_IMAGE)]
    outs = set(paths.values()) - {*metrics, *plots} | {(records_folder(env) / pipeline).as_posix()}
    stage: dict[str, Any] = {
        "cmd": f"kedro run --env {env} --pipelines {pipeline}",
        "deps": sorted({graph.relative(name) for name in graph.persisted(list(read))} | code),
        "params": _params(files, {name for node in nodes for name in node.inputs if is_parameter(name)}),
        "outs": [{path: _KEPT} for path in sorted(outs)],
        "metrics": [{path: _IN_GIT} for path in metrics],
        "plots": [{path: _KEPT} for path in sorted(plots)],
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
