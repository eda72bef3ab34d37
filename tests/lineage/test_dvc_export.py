"""`kedro dvc` writes a dvc.yaml that DVC runs, and runs again only where something changed."""

import json
from pathlib import Path

import pytest
import yaml
from mlflow.tracking import MlflowClient

from tests.lineage.lineage_project import Project
from tests.lineage.test_mlflow import runs, tag

ENVS = (".", "environments/test")


@pytest.fixture
def exported(toy: Project) -> Project:
    toy("dvc", "init", "-q")
    toy("kedro", "dvc")
    return toy


def test_stages_say_what_they_read_and_make(exported: Project) -> None:
    content = yaml.safe_load((exported.root / "dvc.yaml").read_text())
    outs = [f"data/models/{arm}/seed0/pretraining{end}" for arm in "ab" for end in ("", ".curve.csv")]
    assert content["stages"]["training"] == {
        "cmd": "kedro run --env base --pipelines training",
        "deps": ["data/lineage/code/training.json", "data/tokens.json"],
        "params": [{"conf/base/parameters.yml": ["study.stages.pretraining"]}],
        "outs": [{path: {"persist": True}} for path in ["data/lineage/training", *outs]],
    }
    # One small file that git keeps, and an image that needs no network.
    assert [name for name, stage in content["stages"].items() if {"metrics", "plots"} & stage.keys()] == ["reporting"]
    assert content["stages"]["reporting"]["metrics"] == [{"metrics.json": {"cache": False, "persist": True}}]
    assert content["stages"]["reporting"]["plots"] == [{"data/08_reporting/headline.svg": {"persist": True}}]
    assert set(content) == {"stages"}
    assert set(content["stages"]) == {"code", "mixing", "training", "eval", "reporting"}
    assert content["stages"]["code"] == {
        "cmd": "kedro dvc --env base --code",
        "deps": ["requirements.lock", "src/toy"],
        "outs": [f"data/lineage/code/{name}.json" for name in ("eval", "mixing", "reporting", "training")],
    }


def test_check_tells_a_file_that_differs(exported: Project) -> None:
    exported("kedro", "dvc", "--check")
    before = (exported.root / "dvc.yaml").read_bytes()
    exported.replace("src/toy/pipeline_registry.py", 'ARMS = ("a", "b")', 'ARMS = ("a",)')
    said = exported("kedro", "dvc", "--check", code=1)
    assert "write it again: kedro dvc" in said
    assert (exported.root / "dvc.yaml").read_bytes() == before


def test_an_output_that_nothing_could_follow_is_refused(toy: Project) -> None:
    toy.replace("conf/base/catalog.yml", "tokens: {", "other: {")
    said = toy("kedro", "dvc", code=1)
    assert (
        "tokens, which corpus.tokenize makes, has no place on disk; give it an entry in conf/base/catalog.yml" in said
    )
    assert not (toy.root / "dvc.yaml").exists()


def test_an_environment_is_pinned_and_its_parameters_are_followed(toy: Project) -> None:
    toy("kedro", "dvc", "--env", "test")
    stage = yaml.safe_load((toy.root / "environments/test/dvc.yaml").read_text())["stages"]["eval"]
    assert stage["cmd"] == "kedro run --env test --pipelines eval"
    assert stage["params"] == [
        {"conf/base/parameters.yml": ["evaluation"]},
        {"conf/test/parameters.yml": ["evaluation"]},
    ]
    assert not (toy.root / "dvc.yaml").exists()


def test_environments_stand_side_by_side(exported: Project) -> None:
    """Each has its own stages, data, records and experiment; a run of one reads and writes nothing of another's."""
    exported("kedro", "dvc", "--env", "test")
    exported("dvc", "repro")
    assert not (exported.root / "environments/test/data").exists(), "the root's stages alone"
    before = _files(exported.root / "data")
    said = exported("dvc", "repro", "environments/test/dvc.yaml")
    assert said.count("Running stage") == 5  # the code and the four pipelines
    assert _files(exported.root / "data") == before
    assert "up to date" in exported("dvc", "repro", "environments/test/dvc.yaml")
    assert "up to date" in exported("dvc", "repro")
    assert "up to date" in exported("dvc", "status")

    items = {
        env: json.loads((exported.root / env / "data/scores/a/seed0/pretraining.json").read_text()) for env in ENVS
    }
    assert [found["articles"]["n"] for found in items.values()] == [4, 2]
    record = exported.root / "environments/test/data/lineage/eval/a/a.seed0.score_pretraining.json"
    assert json.loads(record.read_text())["env"] == "test"
    metrics = json.loads(exported("dvc", "metrics", "show", "--json"))[""]["data"]
    assert {"metrics.json", "environments/test/metrics.json"} == {*metrics}
    exported.tracked = True
    for env in ("base", "test"):
        exported("kedro", "run", "--env", env, "--force", "--pipelines", "mixing")
    client = MlflowClient(f"sqlite:///{exported.root / 'mlflow.db'}")
    assert {"toy-base", "toy-test"} <= {experiment.name for experiment in client.search_experiments()}


def test_advised_commands_name_the_environment(exported: Project) -> None:
    exported("kedro", "dvc", "--env", "test")
    said = exported("kedro", "summary", "--env", "test", code=1)
    assert "(environments/test/data/08_reporting/rates.csv is missing); make them: kedro run --env test" in said
    exported("kedro", "run", "--env", "test")
    said = exported("kedro", "summary", "--env", "test")
    assert "kedro trace --env test <key>, with a key from environments/test/data/08_reporting/rates.csv" in said
    assert "kedro viz run --env test" in said
    exported("kedro", "trace", "--env", "test", "rate/a")
    assert "make them: dvc repro" in exported("kedro", "summary", code=1)
    exported.write("conf/test/parameters.yml", "evaluation: {items: 3}\n")
    said = exported("kedro", "run", "--env", "test", "--pipelines", "reporting", code=1)
    assert "make it again: kedro run --env test --pipelines eval --namespaces a" in said
    assert said.rstrip().endswith("To bring everything up to date: kedro run --env test")

    exported.replace("src/toy/pipeline_registry.py", 'ARMS = ("a", "b")', 'ARMS = ("a",)')
    exported("kedro", "dvc")
    said = exported("kedro", "dvc", "--check", code=1)
    assert "environments/test/dvc.yaml is not what" in said
    assert "write it again: kedro dvc --env test" in said


def _files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if "unfinished" not in path.parts}


@pytest.mark.tracked
def test_dvc_runs_what_changed_and_mlflow_has_one_run_for_it(exported: Project) -> None:
    exported("dvc", "repro")
    assert "up to date" in exported("dvc", "repro")
    exported("git", "add", "-A")
    exported("git", "commit", "-q", "-m", "results")

    command, *children = runs(exported)
    assert command.info.run_name == "dvc repro"
    assert len(children) == 8
    assert {tag(run, "command.run") for run in children} == {command.info.run_id}
    assert {run.info.status for run in [command, *children]} == {"FINISHED"}

    exported.replace("conf/base/parameters.yml", "rate: 0.5", "rate: 0.7")
    said = exported("dvc", "repro")
    assert _ran(said) == {"training", "eval", "reporting"}
    changed = json.loads(exported("dvc", "metrics", "diff", "--json"))["metrics.json"]
    assert {key: (found["old"], found["new"]) for key, found in changed.items()} == {
        f"rate.{arm}": (pytest.approx(0.3), pytest.approx(0.42)) for arm in "ab"
    }
    assert "eval" in exported("dvc", "dag")
    assert sum(tag(run, "command.run") is None for run in runs(exported)) == 2

    exported("kedro", "run", "--pipelines", "training")
    assert "up to date" in exported("dvc", "status")


def _ran(said: str) -> set[str]:
    return {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")}


def test_an_edit_of_code_runs_what_it_can_change_and_no_more(exported: Project) -> None:
    exported("dvc", "repro")
    exported.replace("src/toy/nodes.py", "def train", "# A remark.\ndef train")
    exported.replace("src/toy/text.py", "def split", '"""Texts."""\n\n\ndef split')
    assert _ran(exported("dvc", "repro")) == {"code"}
    assert "up to date" in exported("dvc", "status")
    assert "6 of 6 nodes are up to date" in exported("kedro", "run")
    exported("kedro", "trace", "rate/a")

    exported.replace("src/toy/nodes.py", "weight / 10", "weight / 20")
    assert _ran(exported("dvc", "repro")) == {"code", "eval", "reporting"}
    assert "rate/a = 0.15" in exported("kedro", "trace", "rate/a")
