"""`dvc repro` on the smallest study: a second run does nothing, and a changed dose reruns only what depends on it."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DATA, Run

STAGES = "environments/test/dvc.yaml"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def reproduced(study: Path, run: Run) -> Path:
    run("kedro", "dvc", "--env", "test")
    run("dvc", "repro", STAGES)
    return study


def test_the_committed_stages_are_those_of_the_pipelines(run: Run) -> None:
    run("kedro", "dvc", "--check")


def test_again_does_nothing_and_says_so(reproduced: Path, run: Run) -> None:
    again = run("dvc", "repro", STAGES).stdout
    assert "Data and pipelines are up to date" in again
    assert "Running stage" not in again


def test_dvc_shows_graph_metrics_and_plots(reproduced: Path, run: Run) -> None:
    assert "pretraining" in run("dvc", "dag", STAGES).stdout
    metrics = json.loads(run("dvc", "metrics", "show", "--json").stdout)
    assert any("scores.json" in file for file in metrics[""]["data"])
    assert "index.html" in run("dvc", "plots", "show", STAGES).stdout


def test_results_travel_through_a_remote(reproduced: Path, run: Run, tmp_path: Path) -> None:
    run("dvc", "remote", "add", "--local", "--default", "shelf", str(tmp_path))
    run("dvc", "push")
    report = reproduced / DATA / "08_reporting/report.html"
    page = report.read_bytes()
    report.unlink()
    run("dvc", "pull", f"{DATA}/08_reporting/report.html")
    assert report.read_bytes() == page


def test_a_changed_dose_reruns_only_what_depends_on_it(reproduced: Path, run: Run) -> None:
    study = reproduced / "conf/test/study.yml"
    study.write_text(study.read_text() + "  arms:\n    misaligned_mid: {share: 0.4}\n")
    run("kedro", "dvc", "--env", "test")
    ran = {
        line.split("'")[1]
        for line in run("dvc", "repro", STAGES).stdout.splitlines()
        if line.startswith("Running stage")
    }
    assert ran == {"mixing", "pretraining", "post_training", "eval", "reporting"}
