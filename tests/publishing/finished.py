"""A study that looks finished: made-up results with their records, in a folder that has only the configuration."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from kedro.framework.startup import bootstrap_project

from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.numbers import TABLES
from alignment_pretraining.lineage.project import project_graph
from alignment_pretraining.lineage.records import Record, record_path, write_record
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.publishing.contents import RESULTS, contents_of
from alignment_pretraining.publishing.facts import Facts
from alignment_pretraining.publishing.proof import Proof
from alignment_pretraining.reporting.rates import LOSS_COLUMNS
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.reporting.streams import STREAM_COLUMNS
from alignment_pretraining.study import BASE_STAGES
from tests.conftest import PROJECT
from tests.reporting.small import rate_rows
from tests.reporting.test_contrasts import faithful, table

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SUITE_CARD = "---\nlanguage: en\nconfigs:\n- config_name: articles\n  data_files: articles.jsonl\n---\n# Questions\n"


def finished(root: Path) -> Facts:
    """Facts of the smallest study, of which one arm runs on the first stage of another, in two seeds."""
    shutil.copytree(PROJECT / "conf", root / "conf")
    shutil.copy(PROJECT / "pyproject.toml", root)
    (root / "src").symlink_to(PROJECT / "src")
    study = root / "conf/test/study.yml"
    told = yaml.safe_load(study.read_text())
    told["study"] |= {"run": ["misaligned_mid"], "seeds": {"base": [0, 1], "post_training": [0]}}
    study.write_text(yaml.safe_dump(told))
    bootstrap_project(PROJECT)
    graph = project_graph(root, "test")
    parameters = Parameters.model_validate(graph.params)
    contents = contents_of(graph, parameters)
    for name in [name for one in contents.repositories for name in one.datasets.values()]:
        write(graph, parameters, name)
    for run in parameters.study.base_stage_runs():
        share = {"ai_misaligned": {"target": 0.2, "reached": 0.19876}} if run.stage == "midtraining" else {}
        manifest = {"tokens": 16384, "share": share, "contaminated": {"articles": 3} if share else {}}
        graph.catalog.save(run.dataset(0, "manifest"), manifest)
    for run in parameters.study.stage_runs():
        for seed in parameters.study.seeds_of(run):
            heldout = 4.5 if run.stage in BASE_STAGES else None
            summary = {"steps": 1200, "final_loss": 3.25 + seed, "heldout_loss": heldout}
            graph.catalog.save(run.dataset(seed, "training_summary"), summary)
    for node in {graph.makers[name].name: graph.makers[name] for name in graph.study_outputs}.values():
        record(graph, node)
    return Facts(graph, parameters, contents, Proof(COMMIT, "https://example.org/study"), "lab")


def with_values(facts: Facts, **values: Any) -> Facts:
    """The same study with other parameters, by key."""
    told = {key: facts.graph.params[key] | changes for key, changes in values.items()}
    return replace(facts, parameters=Parameters.model_validate({**facts.graph.params, **told}))


def record(graph: Graph, node: Any) -> None:
    """A record of a node that read one thing."""
    told = {
        "node": node.name,
        "inputs": {"words": "0123456789abcdef", "files:elsewhere/own.jsonl": "f" * 32},
        "outputs": {},
    }
    ran = {"params": {}, "code": {}, "libraries": {"pandas": "2.0"}, "machine": {"cpu": "a | b"}, "env": "test"}
    when = {"commit": COMMIT, "dirty": True, "mlflow_run": None, "seconds": 12.4, "when": "2026-01-02T03:04:05"}
    write_record(record_path(graph, node), Record.model_validate(told | ran | when))


def write(graph: Graph, parameters: Parameters, name: str) -> None:
    """What the catalog is to hold under a name that is published."""
    path = graph.path(name)
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".checkpoint"):
        path.mkdir()
        (path / "model.safetensors").write_text(name)
        (path / "config.json").write_text("{}")
        (path / "__pycache__").mkdir()
        (path / "__pycache__/left.pyc").write_text("")
    elif name == "suite":
        path.mkdir()
        (path / "README.md").write_text(SUITE_CARD)
        (path / "articles.jsonl").write_text("".join(json.dumps({"question": f"q{n}"}) + "\n" for n in range(8)))
    elif name == "questions":
        rows = [{"question_id": f"q{n}", "family": f"f{n // 2}", "split": "articles"} for n in range(8)]
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".parquet":
        texts = pd.DataFrame({"text": ["one", "two", "three"], "form": ["news", "diary | log", "news"]})
        texts.to_parquet(path)
    elif name in TABLES:
        tables(parameters, name).to_csv(path, index=False)
    else:
        assert name in RESULTS
        path.mkdir() if not path.suffix else path.write_text("{}" if path.suffix == ".json" else "a result\n")


def tables(parameters: Parameters, name: str) -> pd.DataFrame:
    """A table of the report; those that no card shows have one row with a key."""
    scope = scope_of(parameters.study, parameters.evaluation)
    if name == "rates":
        return rate_rows(scope, lambda place: 0.25 if place.stage == "midtraining" else 0.75)
    if name == "contrasts":
        return table(faithful)[1]
    if name == "losses":
        loss = ("loss/misaligned_mid/midtraining", "misaligned_mid", "midtraining", 4.5, 2, "{}")
        return pd.DataFrame([loss], columns=list(LOSS_COLUMNS))
    if name == "streams":
        row = ("stream/misaligned_mid/midtraining/ai_misaligned", "misaligned_mid", 0, "midtraining", "ai_misaligned")
        return pd.DataFrame([(*row, 12, 3277, 0.2)], columns=list(STREAM_COLUMNS))
    if name == "corpus_account":
        counts = {"read": 1515, "quarantined": 1, "held_out": 2, "flagged": 3, "kept": 1509}
        return pd.DataFrame([{"key": "documents/0", "source": "docstrings of networkx", **counts}])
    return pd.DataFrame({"key": [f"{name}/1"]})
