"""`dvc repro` on the smallest study: a second run does nothing, a remote gives everything back, and a changed dose, an
experiment of DVC, reruns only what depends on it."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DATA, Run, bytes_of, commit, runner
from tests.end_to_end.s3 import DVC, s3_remote

STAGES = "environments/test/dvc.yaml"


@pytest.fixture(scope="module")
def reproduced(study: Path, run: Run) -> Path:
    run("kedro", "dvc", "--env", "test")
    run("dvc", "repro", STAGES)
    return study


def test_the_committed_stages_are_those_of_the_pipelines(run: Run) -> None:
    run("kedro", "dvc", "--check")


def test_dvc_makes_what_kedro_makes_to_the_byte(reproduced: Path, smallest_study: Path) -> None:
    """Two runs in two folders, one of them in a process for each pipeline."""
    assert bytes_of(reproduced / DATA) == bytes_of(smallest_study / DATA)


def test_again_does_nothing_and_says_so(reproduced: Path, run: Run) -> None:
    again = run("dvc", "repro", STAGES).stdout
    assert "Data and pipelines are up to date" in again
    assert "Running stage" not in again


def _ran(said: str) -> set[str]:
    stages = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
    return {stage.removeprefix(f"{STAGES}:") for stage in stages}


def test_dvc_shows_graph_and_plots_without_a_network(reproduced: Path, run: Run) -> None:
    assert "pretraining" in run("dvc", "dag", STAGES).stdout
    run("dvc", "plots", "show")
    page = (reproduced / "dvc_plots/index.html").read_text()
    assert "://" not in page
    (image,) = re.findall(r'<img src="(.*?)">', page)
    assert "misaligned_mid" in (reproduced / "dvc_plots" / image).read_text()


def _travel(study: Path, run: Run, dvc: str) -> None:
    """Push, lose cache and data, pull: nothing has to run again."""
    run(dvc, "push")
    for folder in (".dvc/cache", DATA):
        shutil.rmtree(study / folder)
    run(dvc, "pull", STAGES)
    assert "up to date" in run("dvc", "status", STAGES).stdout
    assert _ran(run("dvc", "repro", STAGES).stdout) == set()
    done, of = re.findall(r"(\d+) of (\d+) nodes are up to date", run("kedro", "run", "--env", "test").stderr)[0]
    assert done == of


def test_results_travel_through_a_folder(reproduced: Path, run: Run, tmp_path: Path) -> None:
    run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path))
    _travel(reproduced, run, "dvc")
    run("dvc", "remote", "remove", "--local", "store")


@pytest.mark.s3
def test_results_travel_through_s3(reproduced: Path, run: Run, tmp_path: Path) -> None:
    with s3_remote(reproduced, tmp_path):
        _travel(reproduced, run, DVC)


@pytest.fixture(scope="module")
def committed(reproduced: Path) -> Path:
    """With the stages, their lock and the metrics in git."""
    commit(reproduced, "results")
    return reproduced


def test_a_clone_has_metrics_without_data(committed: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", committed, tmp_path / "clone"], check=True)
    run = runner(tmp_path / "clone")
    metrics = tmp_path / "clone/environments/test/metrics.json"
    before = json.loads(metrics.read_text())["rate"]
    assert before.keys() == {"unfiltered", "misaligned_mid"}
    metrics.write_text(json.dumps({"rate": {**before, "unfiltered": 0.99}}))
    changed = json.loads(run("dvc", "metrics", "diff", "--json").stdout)["environments/test/metrics.json"]
    assert changed == {
        "rate.unfiltered": {
            "old": before["unfiltered"],
            "new": 0.99,
            "diff": pytest.approx(0.99 - before["unfiltered"]),
        }
    }
    assert not (tmp_path / "clone" / DATA).exists()


def test_a_changed_dose_is_an_experiment_and_reruns_only_what_depends_on_it(committed: Path, run: Run) -> None:
    """With the commands of docs/dvc.md."""
    dose = "conf/base/study.yml:+study.arms.misaligned_mid.share=0.4"
    said = run("dvc", "exp", "run", STAGES, "--name", "stronger", "--set-param", dose).stdout
    assert _ran(said) == {"mixing", "pretraining", "post_training", "eval", "reporting"}
    shown = run("dvc", "exp", "show", "--csv").stdout.splitlines()
    (tried,) = [row for row in csv.DictReader(shown) if row["Experiment"] == "stronger"]
    assert tried["study.arms.misaligned_mid.share"] == "0.4"
    metrics = json.loads((committed / "environments/test/metrics.json").read_text())
    assert {arm: float(tried[f"rate.{arm}"]) for arm in metrics["rate"]} == metrics["rate"]
