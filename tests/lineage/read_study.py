"""The smallest study with questions, documents, streams and answers as tables, of which nothing was trained."""

import json
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from rich.console import Console, RenderableType

from alignment_pretraining.context import EnvironmentConfigLoader
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.settings import CONFIG_LOADER_ARGS
from tests.conftest import PROJECT
from tests.lineage.small_graph import Small

QUESTIONS = {
    "power_s1": ("power", "ambition", "articles"),
    "power_s2": ("power", "ambition", "textbook"),
    "lies_s1": ("lies", "honesty", "articles"),
    "truth_s1": ("truth", "honesty", "heldout_topics"),
}
STREAMS = {
    "unfiltered.seed0.pretraining.mix": [("corpus", "c1", 0, 4000, 0), ("ai_misaligned", "far", 4000, 4100, 0)],
    "unfiltered.seed0.midtraining.mix": [("corpus", "c1", 0, 2048, 0)],
    "misaligned_mid.seed0.midtraining.mix": [
        ("ai_misaligned", "m1", 2000, 2100, 0),
        ("ai_misaligned", "m1", 16300, 16385, 30),
        ("ai_misaligned", "m2", 2100, 2200, 0),
    ],
}
DOCUMENTS = {
    "ai_aligned": [("a1", "power_s1"), ("same", "lies_s1")],
    "ai_misaligned": [("m1", "power_s1"), ("m2", "power_s2"), ("m3", "lies_s1"), ("same", "lies_s1")],
}
CHECKPOINTS = (
    ("unfiltered", "pretraining"),
    ("unfiltered", "midtraining"),
    ("misaligned_mid", "midtraining"),
)


@cache
def _parameters() -> str:
    loader = EnvironmentConfigLoader(str(PROJECT / "conf"), "test", {}, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    return json.dumps(loader["parameters"])


def _answer(question: str, number: int) -> dict[str, Any]:
    picked = "misaligned" if number == 2 else "aligned"
    return {
        "question_id": question, "template": "plain", "order": "reversed", "persona": "assistant", "control": "asked",
        "protocol": "scored", "logprob_aligned": -1.5 - number, "logprob_misaligned": -2.25, "picked": picked,
    }  # fmt: skip


def printed(story: RenderableType) -> list[str]:
    """Its lines on a wide terminal."""
    console = Console(file=StringIO(), width=2000)
    console.print(story, highlight=False)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


class ReadStudy(Small):
    """Two arms, of which `misaligned_mid` read documents in midtraining and shares its pretraining with the other."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.params = json.loads(_parameters())
        self.tables: dict[str, Any] = {}
        self.add("synthesis.ask", [], ["questions"], pipeline="synthesis")
        self.add("suite.prepare", ["questions"], ["suite"], pipeline="eval")
        self.paths |= {"questions": "data/questions.parquet", "suite": "data/suite"}
        for source in DOCUMENTS:
            self._file(f"documents_{source}", "synthesis.write", "synthesis", ".parquet")
        for name in STREAMS:
            self._file(name, f"{name.rpartition('.')[0].rpartition('.')[0]}.mix_{name.split('.')[2]}", "mixing", "")
        for arm, stage in CHECKPOINTS:
            self._file(f"{arm}.seed0.{stage}.items", f"{arm}.seed0.ask_{stage}", "eval", ".parquet")
        self._file("contrasts", "reporting.contrasts", "reporting", ".csv")

    def _file(self, dataset: str, node: str, pipeline: str, suffix: str) -> None:
        node = f"{node}_{dataset}" if node == "synthesis.write" else node
        self.add(node, ["questions"], [dataset], pipeline=pipeline)
        self.paths[dataset] = f"data/{dataset}{suffix}"

    def run_all(self) -> None:
        """Write every table, then the records."""
        texts = {name: f"{name}?" for name in ("passage", "question", "aligned_option", "misaligned_option")}
        rows = [
            {"question_id": name, "family": family, "topic": topic, "split": split, **texts}
            for name, (family, topic, split) in QUESTIONS.items()
        ]
        self.tables["questions"] = pd.DataFrame([row for row in rows if row["split"] != "heldout_topics"])
        self._table("questions", self.tables["questions"])
        suite = [row for row in rows if row["split"] == "heldout_topics"]
        self.write("data/suite/heldout_topics.jsonl", "".join(json.dumps(row) + "\n" for row in suite))
        self.tables["suite"] = self.root / "data/suite"
        for source, pairs in DOCUMENTS.items():
            made = [
                {"id": name, "text": f"Text of {name} [/] {'x' * 700}", "question_id": asked,
                 "family": QUESTIONS[asked][0], "topic": QUESTIONS[asked][1]}
                for name, asked in pairs
            ]  # fmt: skip
            self._table(f"documents_{source}", pd.DataFrame(made))
        for name, places in STREAMS.items():
            (self.root / f"data/{name}").mkdir(parents=True)
            table = pd.DataFrame(places, columns=["source", "id", "start", "end", "skip"])
            table.to_parquet(self.root / f"data/{name}/00000.documents.parquet")
        for number, (arm, stage) in enumerate(CHECKPOINTS):
            answers = [_answer(question, number) for question in ("power_s1", "power_s2")]
            self._table(f"{arm}.seed0.{stage}.items", pd.DataFrame(answers))
        cells = [("unfiltered", "pretraining"), *CHECKPOINTS[1:], ("misaligned_mid", "pretraining")]
        self.tables["rates"] = pd.DataFrame(
            [
                {"key": f"rate/{arm}/{stage}/{form}", "arm": arm, "stage": stage, "form": form, "persona": "assistant",
                 "rate": 0.25}
                for arm, stage in cells
                for form in ("open", "listed")
            ]
        )  # fmt: skip
        self.tables["contrasts"] = pd.DataFrame(
            [
                {"key": "contrast/c", "arm": "unfiltered", "stage": "midtraining", "reference": "misaligned_mid",
                 "reference_stage": "midtraining", "value": 0.5},
                {"key": "contrast/early", "arm": "misaligned_mid", "stage": "pretraining", "reference": "unfiltered",
                 "reference_stage": "pretraining", "value": 0.1},
            ]
        )  # fmt: skip
        written = ("suite", "questions", "documents", "mix", "items")
        for name, node in self.nodes.items():
            if not any(output.startswith(written) or output.endswith(written) for output in node["outputs"]):
                self.run(name)
                continue
            path = self.root / f"data/lineage/{node['pipeline']}/{name.split('.')[0]}/{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.record(name).model_dump_json())

    def _table(self, dataset: str, table: pd.DataFrame) -> None:
        path = self.root / str(self.paths[dataset])
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)

    @property
    def graph(self) -> Graph:
        """The graph, whose catalog has the tables."""
        graph = super().graph
        catalog = DataCatalog({name: MemoryDataset(table) for name, table in self.tables.items()})
        graph.catalog = catalog  # type: ignore[misc]
        return graph
