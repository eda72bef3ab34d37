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
    loaded = "import sys, alignment_pretraining.settings, alignment_pretraining.datasets"
    code = f"{loaded}; print(*(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
