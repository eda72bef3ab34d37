"""MLflow has one run for each command, and under it one for each arm, seed and pipeline and for each arm's results."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.lineage.lineage_project import Project, environment

pytestmark = pytest.mark.tracked


def runs(project: Project, tracking: str = "mlflow.db") -> list[Run]:
    """All runs, oldest first."""
    client = MlflowClient(f"sqlite:///{project.root / tracking}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(experiments, order_by=["attributes.start_time ASC"])


def tag(run: Run, name: str) -> Any:
    return run.data.tags.get(name)


def test_a_run_for_each_arm_seed_and_pipeline(run_toy: Project) -> None:
    command, *children = runs(run_toy)
    assert command.info.run_name == "kedro run"
    assert {(tag(run, "arm"), tag(run, "seed"), tag(run, "pipeline")) for run in children} == {
        ("-", "-", "mixing"),
        ("a", "0", "training"),
        ("b", "0", "training"),
        ("a", "0", "eval"),
        ("b", "0", "eval"),
        ("-", "-", "reporting"),
        ("a", "-", "summary"),
        ("b", "-", "summary"),
    }
    for run in children:
        assert tag(run, "command.run") == command.info.run_id
        # What came out of each arm is beside the command in MLflow's list, everything else folded below it.
        assert tag(run, "mlflow.parentRunId") == (None if tag(run, "pipeline") == "summary" else command.info.run_id)
    for run in [command, *children]:
        assert run.info.status == "FINISHED"
        assert tag(run, "git.commit") == run_toy("git", "rev-parse", "HEAD").strip()
        assert tag(run, "git.dirty") == "false"
        assert len(tag(run, "config.hash")) == 32
        assert (tag(run, "env"), tag(run, "study")) == ("base", "toy")


def test_what_a_run_holds(run_toy: Project) -> None:
    client = MlflowClient(f"sqlite:///{run_toy.root / 'mlflow.db'}")
    by_place = {(tag(run, "arm"), tag(run, "pipeline")): run for run in runs(run_toy)}
    training, scoring = by_place["a", "training"], by_place["a", "eval"]
    assert training.data.params["study.stages.pretraining.rate"] == "0.5"
    assert training.data.params["train_pretraining.seed"] == "0"
    history = client.get_metric_history(training.info.run_id, "pretraining/loss")
    assert [(point.step, round(point.value, 2)) for point in history] == [(0, 1.0), (1, 0.5), (2, 0.33)]
    live = client.get_metric_history(training.info.run_id, "live/train_pretraining/loss")
    assert (live[-1].step, round(live[-1].value, 2)) == (3, 0.33), "the last ones are told, however soon they come"
    assert "live/train_pretraining/state" not in training.data.metrics
    assert training.data.metrics["seconds/train_pretraining"] > 0
    assert scoring.data.metrics["pretraining/articles/n"] == 4
    record = json.loads((run_toy.root / "data/lineage/eval/a/a.seed0.score_pretraining.json").read_text())
    assert record["mlflow_run"] == scoring.info.run_id
    assert scoring.inputs
    (read,) = scoring.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == next(iter(record["inputs"].items()))
    weights = client.download_artifacts(training.info.run_id, "checkpoint/pretraining/weights.json")
    assert Path(weights).read_bytes() == (run_toy.root / "data/models/a/seed0/pretraining/weights.json").read_bytes()
    command = by_place[None, None]
    assert [file.path for file in client.list_artifacts(command.info.run_id)] == ["configuration.yml"]


def test_a_failing_node_fails_the_run_with_its_traceback(run_toy: Project) -> None:
    run_toy.replace("conf/base/parameters.yml", "steps: 3", "steps: 3000")
    said = run_toy("kedro", "run", "--pipelines", "training", code=1)
    assert "ValueError: a fault of the program" in said
    assert "Traceback" in said
    assert {run.info.status for run in runs(run_toy)[9:]} == {"FAILED"}


def test_another_store(toy: Project) -> None:
    env = {**environment(), "MLFLOW_TRACKING_URI": "sqlite:///other.db"}
    command = ["kedro", "run", "--pipelines", "mixing"]
    subprocess.run(command, cwd=toy.root, env=env, check=True, capture_output=True)
    assert len(runs(toy, "other.db")) == 2
    assert not os.path.lexists(toy.root / "mlflow.db")
