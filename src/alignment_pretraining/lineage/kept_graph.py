"""The project's graph as it was last built: a trace need not wait for pipelines, configuration and pandas."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import kedro
from kedro.io import CatalogProtocol

from alignment_pretraining.core.digests import CachedTree, use_cache
from alignment_pretraining.lineage.graph import Graph, GraphNode, NodePlace
from alignment_pretraining.lineage.parameters import plain
from alignment_pretraining.lineage.project import project_graph


@dataclass(frozen=True)
class KeptNode:
    """What lineage asks of a node; `function`, `bound` and `outside` are what the methods of `Graph` say."""

    name: str
    namespace: str | None
    inputs: list[str]
    outputs: list[str]
    pipeline: str
    function: tuple[str, str]
    bound: dict[str, Any]
    outside: list[str]
    optional: bool


class KeptGraph(Graph):
    """A graph of what was kept of another. Its catalog is built when a dataset is loaded."""

    nodes: dict[str, KeptNode]  # type: ignore[assignment]

    def __init__(self, root: Path, kept: Mapping[str, Any]) -> None:
        super().__init__(root, {}, None, kept["params"], kept["env"])  # type: ignore[arg-type]
        self._paths: dict[str, str | None] = kept["paths"]
        for told in kept["nodes"]:
            node = KeptNode(**told)
            self.nodes[node.name] = node
            self.places[node.name] = NodePlace(node.pipeline, node.namespace or "", node.optional)

    @cached_property
    def catalog(self) -> CatalogProtocol[Any, Any]:
        """Where datasets are loaded from, built when one is."""
        return project_graph(self.root, self.env).catalog

    def path(self, dataset: str) -> Path | None:
        """Where a dataset lies on the local disk."""
        if dataset not in self._paths:
            return super().path(dataset)
        place = self._paths[dataset]
        return None if place is None else self.root / place

    def outside(self, node: GraphNode) -> list[str]:
        """What a node reads outside the catalog."""
        return self.nodes[node.name].outside

    def function(self, node: GraphNode) -> tuple[str, str]:
        """Module and name of a node's function."""
        module, name = self.nodes[node.name].function
        return module, name

    def bound(self, node: GraphNode) -> dict[str, Any]:
        """The arguments that are bound to a node's function."""
        return self.nodes[node.name].bound


def kept_graph(root: Path, env: str | None) -> Graph:
    """The graph of an environment, built anew only when a file of the configuration or of the code has changed."""
    use_cache(root / ".cache")
    env = env or os.environ.get("KEDRO_ENV")
    built: list[Graph] = []

    def build() -> str:
        built.append(project_graph(root, env))
        return _as_text(built[0])

    text = CachedTree(root / "conf", root / "src").text(f"graph of {env} by Kedro {kedro.__version__}", build)
    return built[0] if built else KeptGraph(root, json.loads(text))


def _as_text(graph: Graph) -> str:
    """JSON of the graph; "", which is not kept, where parameters are such as JSON does not give back."""
    datasets = {name for node in graph.nodes.values() for name in [*node.inputs, *node.outputs]}
    nodes = [
        KeptNode(
            node.name,
            node.namespace,
            node.inputs,
            node.outputs,
            graph.places[node.name].pipeline,
            graph.function(node),
            plain(graph.bound(node)),
            graph.outside(node),
            graph.places[node.name].optional,
        )
        for node in graph.nodes.values()
    ]
    text = json.dumps(
        {
            "env": graph.env,
            "params": graph.params,
            "paths": {name: graph.relative(name) if graph.path(name) else None for name in sorted(datasets)},
            "nodes": [asdict(node) for node in nodes],
        },
        default=str,
    )
    return text if json.loads(text)["params"] == graph.params else ""
