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
    "numba",
    "matplotlib",
    "anthropic",
    "sqlalchemy",
]
# What a trace does without as well: it takes no longer than `dvc status`.
WITHOUT = [
    "pandas",
    "numpy",
    "pyarrow",
    "alignment_pretraining.parameters",
    "alignment_pretraining.pipelines.wiring",
]


def test_registry_and_datasets_import_nothing_heavy() -> None:
    assert _imported("settings", "datasets", "pipeline_registry", among=HEAVY) == []


def test_a_trace_imports_neither_pipelines_nor_what_reads_tables() -> None:
    assert _imported("settings", "cli", "lineage.trace", "lineage.story", among=HEAVY + WITHOUT) == []


def _imported(*modules: str, among: list[str]) -> list[str]:
    names = ", ".join(f"alignment_pretraining.{name}" for name in modules)
    code = f"import sys, {names}; print(*(m for m in {among} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()
