"""Every node that ran leaves a record, and what no longer matches its record is refused."""

import json
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import dvc_hash
from alignment_pretraining.lineage.records import (
    Record,
    node_params,
    read_record,
    record_path,
    records_folder,
    write_record,
)
from tests.lineage.lineage_project import Project
from tests.lineage.small_graph import Small

CHECKPOINT = "a.seed0.pretraining.checkpoint"
TRAINING_RECORD = "data/lineage/training/a/a.seed0.train_pretraining.json"


def test_record_says_what_the_node_read_made_and_ran_with(run_toy: Project) -> None:
    record = json.loads((run_toy.root / TRAINING_RECORD).read_text())
    assert record["inputs"] == {"tokens": dvc_hash(run_toy.root / "data/tokens.json")}
    assert record["outputs"][CHECKPOINT] == dvc_hash(run_toy.root / "data/models/a/seed0/pretraining")
    assert record["params"] == {
        "params:study.stages.pretraining": {"rate": 0.5, "steps": 3},
        "seed": 0,
        "name": "a-pretraining",
    }
    assert set(record["code"]) == {"toy/nodes.py"}
    assert record["commit"] == run_toy("git", "rev-parse", "HEAD").strip()
    assert not record["dirty"]
    assert record["env"] == "base"
    assert "pandas" in record["libraries"]
    assert record["machine"]["cores"] == str(len(os.sched_getaffinity(0)))
    assert record["machine"]["processor"]
    assert record["machine"]["system"].startswith("Linux")


def test_a_run_that_repeats_the_work_leaves_the_record_as_it_is(run_toy: Project) -> None:
    before = (run_toy.root / TRAINING_RECORD).read_bytes()
    run_toy("kedro", "run", "--env", "base", "--pipelines", "training", "--force")
    assert (run_toy.root / TRAINING_RECORD).read_bytes() == before


def _edit_output(project: Project) -> None:
    project.replace("data/models/a/seed0/pretraining/weights.json", "[", "[ ")


def _in_record(project: Project, part: str, key: str, value: str) -> None:
    record = json.loads((project.root / TRAINING_RECORD).read_text())
    assert key in record[part]
    record[part][key] = value
    project.write(TRAINING_RECORD, json.dumps(record))


DRIFTS: dict[str, tuple[Callable[[Project], object], str, str]] = {
    "parameter": (
        lambda project: project.replace("conf/base/parameters.yml", "rate: 0.5", "rate: 0.7"),
        f"{CHECKPOINT}: parameter study.stages.pretraining.rate was 0.5, now 0.7",
        "kedro run --pipelines training --namespaces a",
    ),
    "bound argument": (
        lambda project: project.replace("src/toy/pipeline_registry.py", "seed=0", "seed=1"),
        f"{CHECKPOINT}: parameter seed was 0, now 1",
        "kedro run --pipelines training --namespaces a",
    ),
    "code": (
        lambda project: project.replace("src/toy/text.py", "lower()", "casefold()"),
        "tokens: code toy/text.py changed",
        "kedro run --pipelines mixing --namespaces corpus",
    ),
    "library": (
        lambda project: _in_record(project, "libraries", "pandas", "0.1"),
        f"{CHECKPOINT}: library pandas was 0.1, now {version('pandas')}",
        "kedro run --pipelines training --namespaces a",
    ),
    "raw data": (
        lambda project: project.write("data/01_raw/words.txt", "other words"),
        "tokens: input words changed (data/01_raw/words.txt)",
        "kedro run --pipelines mixing --namespaces corpus",
    ),
    "edited output": (
        _edit_output,
        f"{CHECKPOINT}: the content of data/models/a/seed0/pretraining changed since a.seed0.train_pretraining made it",
        "kedro run --pipelines training --namespaces a",
    ),
    "no record": (
        lambda project: (project.root / TRAINING_RECORD).unlink(),
        f"{CHECKPOINT}: there is no record of how a.seed0.train_pretraining made it",
        "kedro run --pipelines training --namespaces a",
    ),
    "damaged record": (
        lambda project: project.write(TRAINING_RECORD, "{"),
        "a.seed0.train_pretraining.json is not a lineage record",
        "kedro run --pipelines training --namespaces a",
    ),
    "missing output": (
        lambda project: (project.root / "data/models/a/seed0/pretraining/weights.json").parent.rename(
            project.root / "data/elsewhere"
        ),
        f"{CHECKPOINT}: there is nothing at data/models/a/seed0/pretraining",
        "kedro run --pipelines training --namespaces a",
    ),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_drift_is_refused_with_what_changed_and_the_way_out(run_toy: Project, kind: str) -> None:
    change, reason, command = DRIFTS[kind]
    change(run_toy)
    scores = (run_toy.root / "data/scores/a/seed0/pretraining.json").stat()
    said = run_toy("kedro", "run", "--pipelines", "eval", code=1)
    assert reason in said
    assert command in said
    assert "Traceback" not in said
    assert (run_toy.root / "data/scores/a/seed0/pretraining.json").stat().st_mtime_ns == scores.st_mtime_ns


def test_after_the_way_out_the_run_goes_on(run_toy: Project) -> None:
    run_toy.replace("conf/base/parameters.yml", "rate: 0.5", "rate: 0.7")
    run_toy.write(TRAINING_RECORD, "{")
    run_toy("kedro", "run", "--pipelines", "training")
    run_toy("kedro", "run", "--pipelines", "eval")
    assert "input a.seed0.pretraining.scores changed" in run_toy("kedro", "trace", "rate/a", code=1)


def test_parameters_of_the_command_line_are_recorded(run_toy: Project) -> None:
    rate = "study.stages.pretraining.rate=0.7"
    run_toy("kedro", "run", "--pipelines", "training", "--params", rate)
    said = run_toy("kedro", "run", "--pipelines", "eval", code=1)
    assert "study.stages.pretraining.rate was 0.7, now 0.5" in said
    run_toy("kedro", "run", "--pipelines", "eval", "--params", rate)


def test_only_missing_outputs_does_not_serve_drifted_ones(run_toy: Project) -> None:
    (run_toy.root / "data/08_reporting/rates.csv").unlink()
    run_toy("kedro", "run", "--only-missing-outputs")
    (run_toy.root / "data/08_reporting/rates.csv").unlink()
    run_toy.replace("conf/base/parameters.yml", "items: 4", "items: 5")
    said = run_toy("kedro", "run", "--only-missing-outputs", code=1)
    assert "evaluation.items was 4, now 5" in said


def test_thrown_away_intermediate_data_is_no_drift(run_toy: Project) -> None:
    (run_toy.root / "data/tokens.json").unlink()
    run_toy("kedro", "run", "--pipelines", "eval")


TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.builds(
    Record,
    node=TEXTS,
    inputs=st.dictionaries(TEXTS, st.none() | TEXTS, max_size=3),
    outputs=st.dictionaries(TEXTS, st.none() | TEXTS, max_size=3),
    params=st.dictionaries(TEXTS, VALUES, max_size=3),
    code=st.dictionaries(TEXTS, TEXTS, max_size=2),
    libraries=st.dictionaries(TEXTS, TEXTS, max_size=2),
    machine=st.dictionaries(TEXTS, TEXTS, max_size=2),
    env=TEXTS,
    commit=st.none() | TEXTS,
    dirty=st.booleans(),
    mlflow_run=st.none() | TEXTS,
    seconds=st.floats(0, 1e9),
    when=TEXTS,
)


@given(record=RECORDS)
@settings(max_examples=50)
def test_a_record_is_read_as_it_was_written(record: Record, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("records") / "deep/record.json"
    write_record(path, record)
    assert Record.model_validate_json(path.read_bytes()) == record
    assert path.read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    ("now", "is_written"),
    [
        ({"when": "later", "seconds": 9.0, "mlflow_run": "x", "machine": {}, "commit": "f" * 40}, False),
        ({"dirty": True}, False),
        ({"outputs": {"tokens": "other"}}, True),
        ({"inputs": {}}, True),
        ({"params": {"params:tokens": {"lower": False}}}, True),
        ({"code": {}}, True),
        ({"libraries": {"numpy": "0"}}, True),
        ({"env": "test"}, True),
    ],
)
def test_a_record_is_replaced_where_the_work_or_its_result_is_another(
    run_small: Small, now: dict[str, Any], is_written: bool
) -> None:
    path = record_path(run_small.graph, run_small.graph.nodes["corpus.tokenize"])
    before = path.read_bytes()
    write_record(path, run_small.record("corpus.tokenize", **now))
    assert (path.read_bytes() != before) == is_written


def test_the_first_clean_commit_takes_the_place_of_uncommitted_changes(small: Small) -> None:
    small.run("corpus.tokenize", dirty=True)
    path = record_path(small.graph, small.graph.nodes["corpus.tokenize"])
    write_record(path, small.record("corpus.tokenize", dirty=True, when="later"))
    assert json.loads(path.read_text())["when"] != "later"
    write_record(path, small.record("corpus.tokenize", when="later"))
    assert json.loads(path.read_text())["when"] == "later"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"node": "a"}'])
def test_a_damaged_record_is_named_when_read_and_replaced_when_written(run_small: Small, content: str) -> None:
    graph = run_small.graph
    node = graph.nodes["a.seed0.train"]
    path = record_path(graph, node)
    path.write_text(content)
    with pytest.raises(UserError) as error:
        read_record(graph, node)
    assert str(error.value) == (
        f"{path} is not a lineage record; make it again: kedro run --pipelines training --namespaces a"
    )
    write_record(path, run_small.record("a.seed0.train"))
    assert read_record(graph, node) == run_small.record("a.seed0.train")


def test_a_record_of_a_later_version_is_not_half_understood(run_small: Small) -> None:
    told = run_small.record("corpus.tokenize").model_dump()
    with pytest.raises(ValidationError, match="seeds"):
        Record.model_validate(told | {"seeds": 3})
    assert Record.model_validate({key: value for key, value in told.items() if key != "machine"}).machine == {}


def test_records_lie_by_pipeline_and_namespace_in_their_environment(small: Small) -> None:
    small.add("alone", [], ["free"], pipeline="mixing")
    places = {
        "a.seed0.train": "data/lineage/training/a/a.seed0.train.json",
        "corpus.tokenize": "data/lineage/mixing/corpus/corpus.tokenize.json",
        "alone": "data/lineage/mixing/_/alone.json",
    }
    for name, place in places.items():
        assert record_path(small.graph, small.graph.nodes[name]) == small.root / place
    assert records_folder("gpu") == Path("environments/gpu/data/lineage")
    assert read_record(small.graph, small.graph.nodes["alone"]) is None


@pytest.mark.parametrize(
    ("commit", "dirty", "said"),
    [
        ("0123456789abcdef", False, "0123456789"),
        ("0123456789abcdef", True, "0123456789 + uncommitted changes"),
        (None, True, "no commit + uncommitted changes"),
        (None, False, "no commit"),
    ],
)
def test_the_state_of_the_commit_is_told(small: Small, commit: str | None, dirty: bool, said: str) -> None:
    assert small.record("corpus.tokenize", commit=commit, dirty=dirty).commit_state == said


def test_parameters_of_a_node_are_those_that_it_reads_and_what_is_bound_to_it(small: Small) -> None:
    small.nodes["a.seed0.train"]["bound"] = {"seed": 3, "sizes": (1, 2), "folder": Path("data/x")}
    assert node_params(small.graph, small.graph.nodes["a.seed0.train"]) == {
        "params:stage": {"rate": 0.5},
        "seed": 3,
        "sizes": [1, 2],
        "folder": "data/x",
    }
    small.nodes["a.seed0.train"]["inputs"] = ["params:stage.steps"]
    assert node_params(small.graph, small.graph.nodes["a.seed0.train"])["params:stage.steps"] == "(missing)"
