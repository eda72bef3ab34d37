import os
import sys
from pathlib import Path

import pytest

from alignment_pretraining.execution.config import Execution
from alignment_pretraining.planning.stand_ins import slurm as slurm_stand_in


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands that stand in for Slurm's, on the path; returns the folder of their state."""
    commands = slurm_stand_in.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", os.pathsep.join([str(commands), os.environ["PATH"]]))
    return commands / "state"


@pytest.fixture
def slurm(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> Execution:
    """An execution by commands that stand in for Slurm's."""
    project = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([project, os.environ.get("PYTHONPATH", "")]))
    settings = {"time": "00:05:00", "python": sys.executable, "mem_per_cpu_gb": 1, "poll_seconds": 0.2}
    return Execution.model_validate({"launcher": "slurm", "slurm": settings})
