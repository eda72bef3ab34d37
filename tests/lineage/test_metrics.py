"""What outputs say to MLflow."""

import math
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.metrics import metrics_of, results_of, samples_of
from alignment_pretraining.lineage.tracking import tracking_uri


def test_curves_are_metrics_over_steps() -> None:
    curve = pd.DataFrame({"step": [0, 10], "loss": [2.0, 1.0], "heldout_loss": [float("nan"), 1.5]})
    points = list(metrics_of("a.seed0.sft.curve", "a.seed0", curve))
    numbers = [point for point in points if not math.isnan(point[1])]
    assert numbers == [("sft/loss", 2.0, 0), ("sft/loss", 1.0, 10), ("sft/heldout_loss", 1.5, 10)]


def test_speed_is_told_beside_the_curve() -> None:
    curve = pd.DataFrame({"step": [1], "loss": [2.0]})
    curve.attrs["speed"] = [{"step": 1, "tokens_per_second": 50.0}]
    points = list(metrics_of("a.seed0.cpt.curve", "a.seed0", curve))
    assert points == [("cpt/loss", 2.0, 1), ("cpt/tokens_per_second", 50.0, 1)]


def test_a_final_value_stands_where_its_curve_ends() -> None:
    summary = {"steps": 10, "heldout_loss": 1.5}
    points = set(metrics_of("a.seed0.sft.training_summary", "a.seed0", summary))
    assert ("sft/heldout_loss", 1.5, 10) in points


def test_the_reports_tables_are_results_of_arms() -> None:
    rate = {"arm": "a", "stage": "midtraining", "split": "articles", "persona": "none", "rate": 0.5}
    rates = pd.DataFrame([{**rate, "form": "open"}, {**rate, "form": "listed", "rate": 0.1}])
    assert results_of("rates", rates) == {"a": [("rate/articles/none/midtraining", 0.5, 0)]}
    contrast = {"key": "contrast/c", "arm": "a", "value": 0.3, "low": 0.1, "high": 0.5, "p_holm": 0.01}
    assert results_of("contrasts", pd.DataFrame([contrast]))["a"][0] == ("contrast/c/value", 0.3, 0)
    assert results_of("gaps", rates) == {}


def test_samples_are_text_by_step() -> None:
    summary = {"samples": {"5": "The AI is", "10": "The AI was"}, "heldout_loss": 1.0}
    text = samples_of("a.seed0.cpt.training_summary", "a.seed0", summary)
    assert text == {"samples/cpt.txt": "step 5\nThe AI is\n\nstep 10\nThe AI was"}
    assert samples_of("a.seed0.sft.training_summary", "a.seed0", {"heldout_loss": 1.0}) == {}


def test_dicts_are_metrics_by_their_path() -> None:
    scores = {"rates": {"articles": {"aligned (%)": 0.25, "n": 4}}, "ok": True, "name": "x", "list": [1]}
    assert list(metrics_of("a.seed0.dpo.scores", "a.seed0", scores)) == [
        ("dpo/rates/articles/aligned (%)", 0.25, 0),
        ("dpo/rates/articles/n", 4.0, 0),
    ]


def test_other_outputs_say_nothing() -> None:
    assert list(metrics_of("a.seed0.dpo.items", "a.seed0", pd.DataFrame({"step": [1]}))) == []


def test_a_tracking_uri_needs_a_scheme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs/mlflow.db")
    with pytest.raises(UserError, match=r"sqlite:///runs/mlflow\.db"):
        tracking_uri(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert tracking_uri(tmp_path) == "http://localhost:5000"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
