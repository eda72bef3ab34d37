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
]


def test_the_registry_imports_nothing_heavy() -> None:
    code = f"import sys, alignment_pretraining.settings; print(*(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
