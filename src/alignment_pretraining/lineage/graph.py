"""The registered pipelines as one graph: who makes each dataset, where it lies, and which command remakes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from alignment_pretraining.core.code import Code, SourceTree, global_name
from alignment_pretraining.core.environments import BASE, environment, with_env
from alignment_pretraining.core.hashing import dvc_hash
from alignment_pretraining.core.labels import arm_and_seed
from alignment_pretraining.lineage.outside import is_outside, outside_digest, outside_inputs, outside_path
from alignment_pretraining.lineage.parameters import bound_arguments


class GraphNode(Protocol):
    """What lineage knows a node by: one of Kedro's, or what is kept of it."""

    @property
    def name(self) -> str:
        """Unique name, the namespace first."""

    @property
    def namespace(self) -> str | None:
        """Where it stands."""

    @property
    def inputs(self) -> list[str]:
        """Datasets and parameters that it reads."""

    @property
    def outputs(self) -> list[str]:
        """Datasets that it makes."""


@dataclass(frozen=True)
class NodePlace:
    """Where a node stands: its pipeline and its namespace, whose top level is what Kedro and DVC group by.

    `optional` nodes are in no default run.
    """

    pipeline: str
    namespace: str
    optional: bool = False

    @property
    def group(self) -> str:
        """Top level of the namespace, or "_" for a node without one."""
        return self.namespace.split(".")[0] or "_"

    @property
    def arm(self) -> str:
        """Arm named by a namespace like `aligned_e2e.seed0`, else "-"."""
        found = arm_and_seed(self.namespace)
        return found[0] if found else "-"

    @property
    def seed(self) -> str:
        """Seed named by a namespace like `aligned_e2e.seed0`, else "-"."""
        found = arm_and_seed(self.namespace)
        return str(found[1]) if found else "-"


class Graph:
    """Every registered node with its place, the maker of every dataset, and paths and hashes of what is on disk.

    `env` is the environment's name, None for the default one.

    Hashes are computed once for each graph, so build a new graph when files may have changed; `forget` drops one.
    """

    def __init__(
        self,
        root: Path,
        pipelines: Mapping[str, Pipeline],
        catalog: CatalogProtocol[Any, Any],
        params: Mapping[str, Any],
        env: str | None = None,
    ) -> None:
        self.root = root
        self._catalog = catalog
        self.params = params
        self.env = environment(env)
        self.nodes: dict[str, GraphNode] = {}
        self.places: dict[str, NodePlace] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        # A node that stands in several pipelines belongs to the first; the default pipeline is the sum of others.
        whole = {node.name for node in pipelines["__default__"].nodes} if "__default__" in pipelines else None
        for name in sorted(pipelines, key=lambda name: name == "__default__"):
            for node in pipelines[name].nodes:
                self.nodes.setdefault(node.name, node)
                optional = whole is not None and node.name not in whole
                self.places.setdefault(node.name, NodePlace(name, node.namespace or "", optional))
                self._functions.setdefault(node.name, node.func)
        self._hashes: dict[Path, str] = {}
        self._outside_digests: dict[str, str | None] = {}
        self._sources = SourceTree(root / "src")

    @property
    def catalog(self) -> CatalogProtocol[Any, Any]:
        """Where datasets are loaded from."""
        return self._catalog

    @cached_property
    def makers(self) -> dict[str, GraphNode]:
        """The node that makes each dataset."""
        return {output: node for node in self.nodes.values() for output in node.outputs}

    @property
    def study_nodes(self) -> list[GraphNode]:
        """The nodes of a default run: what is compared, published and known to DVC."""
        return [node for name, node in self.nodes.items() if not self.places[name].optional]

    @property
    def study_outputs(self) -> list[str]:
        """The datasets on disk that a default run makes, sorted."""
        return self.persisted([name for node in self.study_nodes for name in node.outputs])

    @property
    def study_params(self) -> dict[str, Any]:
        """The parameters without those that optional pipelines alone read."""
        inputs = {optional: set[str]() for optional in (False, True)}
        for name, node in self.nodes.items():
            inputs[self.places[name].optional] |= {_top_level(one) for one in node.inputs if is_parameter(one)}
        return {key: value for key, value in self.params.items() if key not in inputs[True] - inputs[False]}

    def inputs(self, node: GraphNode) -> list[str]:
        """What a node reads that is no parameter: datasets, and what it reads outside the catalog."""
        return sorted({name for name in node.inputs if not is_parameter(name)} | set(self.outside(node)))

    def outside(self, node: GraphNode) -> list[str]:
        """What a node reads outside the catalog."""
        return outside_inputs(node.inputs, self.params)

    def path(self, dataset: str) -> Path | None:
        """Where a dataset lies on the local disk, or None when it does not (parameters, memory, scratch, remote)."""
        if is_parameter(dataset):
            return None
        if is_outside(dataset):
            return outside_path(dataset, self.root)
        stored = self.catalog.get(dataset)
        filepath = getattr(stored, "_filepath", None)
        if filepath is None or getattr(stored, "_protocol", "file") != "file" or getattr(stored, "_version", None):
            return None
        return self.root / Path(filepath)

    def relative(self, dataset: str) -> str:
        """Path of a dataset relative to the project, for messages and `dvc.yaml`; its name where it has none."""
        path = self.path(dataset)
        if path is None:
            return dataset
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def persisted(self, datasets: list[str]) -> list[str]:
        """Those of `datasets` that have a place on disk, sorted."""
        return sorted(name for name in set(datasets) if self.path(name))

    def digest(self, dataset: str) -> str | None:
        """Fingerprint of a dataset's content, or None when it is not on disk."""
        if is_outside(dataset):
            if dataset not in self._outside_digests:
                self._outside_digests[dataset] = outside_digest(dataset, self.root)
            return self._outside_digests[dataset]
        path = self.path(dataset)
        if path is None or not path.exists():
            return None
        return self._hash(path)

    def forget(self, dataset: str) -> None:
        """Hash `dataset` again the next time: it may have been written."""
        self._outside_digests.pop(dataset, None)
        path = self.path(dataset)
        if path:
            self._hashes.pop(path, None)

    def code(self, node: GraphNode) -> Code:
        """What a node's function can reach of the project's code, and which libraries it uses."""
        return self._sources.code_of(*self.function(node))

    def function(self, node: GraphNode) -> tuple[str, str]:
        """Module and name of a node's function, or of the class that it belongs to."""
        return global_name(self._functions[node.name])

    def bound(self, node: GraphNode) -> dict[str, Any]:
        """The arguments that are bound to a node's function."""
        return bound_arguments(self._functions[node.name])

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = dvc_hash(path)
        return self._hashes[path]

    def command(self, node: GraphNode) -> str:
        """The `kedro run` that makes the outputs of a node's group again."""
        place = self.places[node.name]
        group = f"--namespaces {place.group}" if place.namespace else f"--nodes {node.name}"
        return f"{with_env('kedro run', self.env)} --pipelines {place.pipeline} {group}"

    @property
    def command_for_all(self) -> str:
        """The command that brings everything up to date."""
        return "dvc repro" if self.env == BASE else with_env("kedro run", self.env)


def _top_level(parameter: str) -> str:
    return parameter.removeprefix("params:").split(".")[0]


def is_parameter(dataset: str) -> bool:
    """Whether a node's input is a parameter."""
    return dataset == "parameters" or dataset.startswith("params:")
