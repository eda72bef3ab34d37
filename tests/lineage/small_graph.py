"""A small study as lineage keeps it: nodes, files and records, without a command and without Kedro's pipelines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alignment_pretraining.core.code import library_versions
from alignment_pretraining.core.environments import data_folder
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.kept_graph import KeptGraph
from alignment_pretraining.lineage.records import Record, node_params, record_path, write_record

COMMIT = "0123456789" * 4
MACHINE = {"processor": "a processor", "cores": "2"}
CODE = {
    "toy/__init__.py": "",
    "toy/text.py": "def split(text):\n    return text.split()\n",
    "toy/nodes.py": """
from toy.text import split

def tokenize(words, tokens):
    return split(words)

def train(tokens, stage, *, seed):
    return len(tokens) * stage["rate"] + seed

def report(*checkpoints):
    return checkpoints
""",
}
RATES = """key,arm,stage,form,rate,low,high,n_items,rate_by_seed
rate/a,a,pretraining,open,0.3,0.1,0.5,4,"{""0"": 0.3}"
rate/b,b,pretraining,open,0.34,0.2,0.6,4,"{""0"": 0.34}"
"""


class Small:
    """Words are tokenized, two arms are trained on the tokens, and a table of rates rests on both."""

    def __init__(self, root: Path, env: str | None = None) -> None:
        self.root, self.env = root, env
        self.params: dict[str, Any] = {"tokens": {"lower": True}, "stage": {"rate": 0.5}, "study": {"name": "toy"}}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.paths: dict[str, str | None] = {}
        self.add("corpus.tokenize", ["words", "params:tokens"], ["tokens"], pipeline="mixing", function="tokenize")
        for arm in "ab":
            self.add(
                f"{arm}.seed0.train",
                ["tokens", "params:stage"],
                [f"{arm}.seed0.pretraining.checkpoint"],
                pipeline="training",
                function="train",
                bound={"seed": 0},
            )
        checkpoints = [f"{arm}.seed0.pretraining.checkpoint" for arm in "ab"]
        self.add("reporting.report", checkpoints, ["rates"], pipeline="reporting", function="report")
        self.paths |= {"words": "data/words.txt", "tokens": self.place("tokens.json"), "rates": self.place("rates.csv")}
        self.paths |= {name: self.place(f"models/{name}") for name in checkpoints}
        for name, text in CODE.items():
            self.write(f"src/{name}", text)
        self.write("data/words.txt", "one two")

    def place(self, name: str) -> str:
        """Where the environment keeps something."""
        return (data_folder(self.env) / name).as_posix()

    def add(
        self,
        name: str,
        inputs: list[str],
        outputs: list[str],
        *,
        pipeline: str,
        function: str = "tokenize",
        bound: Mapping[str, Any] | None = None,
        outside: list[str] | None = None,
        optional: bool = False,
    ) -> None:
        """Add a node; datasets whose place is not named are not on disk."""
        namespace = name.rpartition(".")[0] or None
        for dataset in [*inputs, *outputs]:
            self.paths.setdefault(dataset, None)
        self.nodes[name] = {
            "name": name, "namespace": namespace, "inputs": inputs, "outputs": outputs, "pipeline": pipeline,
            "function": ["toy.nodes", function], "bound": dict(bound or {}), "outside": outside or [],
            "optional": optional,
        }  # fmt: skip

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    @property
    def graph(self) -> Graph:
        """The graph as a command meets it now."""
        kept = {"env": self.env, "params": self.params, "paths": self.paths, "nodes": list(self.nodes.values())}
        return KeptGraph(self.root, kept)

    def run(self, *names: str, **changes: Any) -> None:
        """Make the outputs of nodes, of all without names, and their records; `changes` are fields of these."""
        for name in names or list(self.nodes):
            for dataset in self.nodes[name]["outputs"]:
                self.make(dataset)
            write_record(record_path(self.graph, self.graph.nodes[name]), self.record(name, **changes))

    def make(self, dataset: str, text: str | None = None) -> None:
        """Write a dataset: a table, a folder or a text."""
        place = self.paths[dataset]
        if place is None:
            return
        text = text or (RATES if dataset == "rates" else f"made: {dataset}")
        self.write(f"{place}/weights.json" if dataset.endswith(".checkpoint") else place, text)

    def record(self, name: str, **changes: Any) -> Record:
        """What the record of a node would say if it ran now."""
        graph = self.graph
        node = graph.nodes[name]
        code = graph.code(node)
        values: dict[str, Any] = {
            "node": name,
            "inputs": {one: graph.digest(one) for one in graph.inputs(node)},
            "outputs": {one: graph.digest(one) for one in node.outputs},
            "params": node_params(graph, node),
            "code": code.modules,
            "libraries": library_versions(code.libraries),
            "machine": MACHINE, "env": graph.env, "commit": COMMIT, "dirty": False, "mlflow_run": None,
            "seconds": 1.5, "when": "2026-11-29T09:00:00+00:00",
        }  # fmt: skip
        return Record.model_validate(values | changes)
