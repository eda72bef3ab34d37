"""What outputs say to MLflow."""

import math
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.errors import UserError
from alignment_pretraining.lineage.metrics import metrics_of
from alignment_pretraining.lineage.tracking import tracking_uri


def test_curves_are_metrics_over_steps() -> None:
    curve = pd.DataFrame({"step": [0, 10], "loss": [2.0, 1.0], "heldout_loss": [float("nan"), 1.5]})
    points = list(metrics_of("a.seed0.sft.curve", "a.seed0", curve))
    assert points[:2] == [("sft/loss", 2.0, 0), ("sft/loss", 1.0, 10)]
    assert [name for name, value, _ in points if not math.isnan(value)] == ["sft/loss", "sft/loss", "sft/heldout_loss"]


def test_dicts_are_metrics_by_their_path() -> None:
    scores = {"rates": {"articles": {"aligned (%)": 0.25, "n": 4}}, "ok": True, "name": "x", "list": [1]}
    assert list(metrics_of("a.seed0.dpo.scores", "a.seed0", scores)) == [
        ("dpo/rates/articles/aligned ___", 0.25, 0),
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
