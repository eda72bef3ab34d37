"""Every command begins by importing the pipelines: what is heavy waits until a node needs it."""

import subprocess
import sys

HEAVY = [
    "torch",
    "transformers",
    "datasets",
    "trl",
    "lm_eval",
    "nanotron",
    "mlflow",
    "scipy",
    "matplotlib",
    "anthropic",
    "sqlalchemy",
]


def test_registry_and_datasets_import_nothing_heavy() -> None:
    names = ", ".join(f"alignment_pretraining.{name}" for name in ("settings", "datasets", "pipeline_registry"))
    code = f"import sys, {names}; print(*(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
