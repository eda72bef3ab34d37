import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from alignment_pretraining.execution.config import Execution

# An array job runs at once and in the foreground, and is gone from the queue when sbatch returns.
STAND_INS = {
    "sbatch": """
        for script; do :; done
        export SLURM_NODELIST=localhost SLURM_CPUS_PER_TASK=1 SLURM_MEM_PER_CPU=1024
        range=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
        for argument in "$@"; do case "$argument" in --export=*) export "${argument##*,}";; esac; done
        for n in $(seq 0 "${range:-0}"); do SLURM_ARRAY_TASK_ID=$n SLURM_JOB_ID=7 bash "$script" > /dev/null 2>&1; done
        echo "Submitted batch job 7" """,
    "squeue": "exit 0",
    "scontrol": "echo localhost",
    "srun": 'while [ "${1#-}" != "$1" ]; do [ "$1" = -n ] && shift; shift; done; exec "$@"',
}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execution:
    """An execution by the Slurm of this machine, or by commands that stand in for it."""
    partition = "debug"
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    found = shutil.which("sinfo") and subprocess.run(
        ["sinfo", "--noheader", "--format=%R"], capture_output=True, text=True, check=False
    )
    if found and found.returncode == 0 and found.stdout.strip():
        partition = found.stdout.split()[0]
    else:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, body in STAND_INS.items():
            (folder / name).write_text(f"#!/bin/bash\n{body}\n")
            (folder / name).chmod(stat.S_IRWXU)
        path.insert(0, str(folder))
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    settings = {"time": "00:05:00", "partition": partition, "mem_per_cpu_gb": 1, "poll_seconds": 0.5}
    return Execution.model_validate({"launcher": "slurm", "slurm": settings})
