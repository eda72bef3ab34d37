"""The notebook runs on an MLflow store filled the way a run fills it."""

import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scores import summarize
from alignment_pretraining.lineage.metrics import metrics_of
from tests.reporting.made_up import BASE_RATES, make_curve, make_items


@pytest.fixture
def store(tmp_path: Path, evaluation: dict[str, Any]) -> str:
    """URI of an MLflow store with pretraining and eval runs of two arms; the newest of two evaluations counts."""
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("laptop", artifact_location=(tmp_path / "mlruns").as_uri())
    for start, rates in ((1, {"unfiltered": 0.0, "aligned_e2e": 0.0}), (2, BASE_RATES)):
        for arm in ("unfiltered", "aligned_e2e"):
            items = make_items("midtraining", rates[arm], evaluation, seed=0)
            scores = summarize(items, Evaluation.model_validate(evaluation), {"heldout_loss": 4.5})
            outputs = {
                "eval": (f"{arm}.seed0.midtraining.scores", scores),
                "pretraining": (f"{arm}.seed0.pretraining.curve", make_curve("pretraining")),
            }
            for pipeline, (dataset, data) in outputs.items():
                tags = {"arm": arm, "seed": "0", "pipeline": pipeline}
                run_id = client.create_run(experiment, start_time=start, tags=tags).info.run_id
                for name, value, step in metrics_of(dataset, f"{arm}.seed0", data):
                    if math.isfinite(value):
                        client.log_metric(run_id, name, value, step=step)
                client.set_terminated(run_id)
    return uri


def test_notebook_runs_and_shows_the_newest_rates(
    project: Path, store: str, evaluation: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    notebook = nbformat.read(project / "notebooks/compare_arms.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(project / "notebooks")}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(str(output.get("data", {}).get("text/plain", output.get("text", ""))) for output in outputs)
    assert "2 arms" in text
    newest = make_items("midtraining", BASE_RATES["unfiltered"], evaluation, seed=0)
    articles = newest[newest["split"] == "articles"]
    assert f"{(articles['picked'] == 'misaligned').mean():.3f}".rstrip("0") in text
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
