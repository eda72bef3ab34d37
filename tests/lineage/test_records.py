"""Every node that ran leaves a record, and what no longer matches its record is refused."""

import json
import os
from collections.abc import Callable
from importlib.metadata import version

import pytest

from alignment_pretraining.core.hashing import dvc_hash
from tests.lineage.lineage_project import Project

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
