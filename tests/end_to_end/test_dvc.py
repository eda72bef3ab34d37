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


def _ran(said: str) -> set[str]:
    stages = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
    return {stage.removeprefix(f"{STAGES}:") for stage in stages}


def test_descriptions_and_plans_make_nothing_again_and_the_reports_style_only_the_report(
    reproduced: Path, run: Run
) -> None:
    package = reproduced / "src/alignment_pretraining"
    for name in ("study.py", "pretraining/local/engine.py", "pipelines/eval/nodes.py"):
        text = (package / name).read_text()
        (package / name).write_text(text.replace('"""', '"""More: ', 1) + "\n\n# The end.\n")
    (package / "planning/training.py").write_text((package / "planning/training.py").read_text() + "\nPLANNED = 1\n")
    assert _ran(run("dvc", "repro", STAGES).stdout) == {"code"}
    assert "up to date" in run("dvc", "status", STAGES).stdout
    style = package / "reporting/report.css"
    style.write_text(style.read_text() + "p { margin: 0; }\n")
    assert _ran(run("dvc", "repro", STAGES).stdout) == {"code", "reporting"}


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
    assert _ran(run("dvc", "repro", STAGES).stdout) == {"mixing", "pretraining", "post_training", "eval", "reporting"}
