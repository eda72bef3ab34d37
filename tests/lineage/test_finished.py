"""What is finished stays: a node whose record matches is not run again."""

import json

import pytest

from tests.lineage.lineage_project import Project
from tests.lineage.test_mlflow import runs

CHECKPOINT = "data/models/{}/seed0/pretraining/weights.json"


def _stamps(project: Project) -> dict[str, int]:
    return {arm: (project.root / CHECKPOINT.format(arm)).stat().st_mtime_ns for arm in "ab"}


@pytest.mark.tracked
def test_a_second_run_does_nothing_and_says_so(run_toy: Project) -> None:
    before, tracked = _stamps(run_toy), len(runs(run_toy))
    assert "6 of 6 nodes are up to date" in run_toy("kedro", "run")
    assert _stamps(run_toy) == before
    assert len(runs(run_toy)) == tracked


def test_only_what_a_change_reaches_runs(run_toy: Project) -> None:
    before = _stamps(run_toy)
    run_toy.replace("conf/base/parameters.yml", "items: 4", "items: 5")
    assert "3 of 6 nodes are up to date" in run_toy("kedro", "run")
    assert _stamps(run_toy) == before
    assert json.loads((run_toy.root / "data/scores/a/seed0/pretraining.json").read_text())["articles"]["n"] == 5


@pytest.mark.parametrize("damage", ["missing", "changed", "no record"])
def test_an_output_that_is_not_as_its_node_made_it_is_made_again(run_toy: Project, damage: str) -> None:
    before, weights = _stamps(run_toy), run_toy.root / CHECKPOINT.format("a")
    content = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    elif damage == "changed":
        weights.write_bytes(content + b" ")
    else:
        (run_toy.root / "data/lineage/training/a/a.seed0.train_pretraining.json").unlink()
    assert "1 of 2 nodes are up to date" in run_toy("kedro", "run", "--pipelines", "training")
    assert weights.read_bytes() == content
    assert _stamps(run_toy)["b"] == before["b"]


def test_force_runs_every_node(run_toy: Project) -> None:
    before = _stamps(run_toy)
    assert "up to date" not in run_toy("kedro", "run", "--force")
    assert all(_stamps(run_toy)[arm] > before[arm] for arm in "ab")


def test_a_new_arm_leaves_the_others_alone_in_dvc_too(toy: Project) -> None:
    toy.replace("src/toy/pipeline_registry.py", 'ARMS = ("a", "b")', 'ARMS = ("a",)')
    toy("dvc", "init", "-q")
    toy("kedro", "dvc")
    toy("dvc", "repro")
    before = (toy.root / CHECKPOINT.format("a")).stat().st_mtime_ns
    toy.replace("src/toy/pipeline_registry.py", 'ARMS = ("a",)', 'ARMS = ("a", "b")')
    toy("kedro", "dvc")
    toy("dvc", "repro")
    assert (toy.root / CHECKPOINT.format("a")).stat().st_mtime_ns == before
    assert (toy.root / CHECKPOINT.format("b")).exists()
