"""One way to keep what a benchmark found: `benchmarks/results/<name>.json`, with all that the numbers depend on."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from alignment_pretraining.lineage.environment import git_state

FOLDER = Path(__file__).parent / "results"
_LOAD = psutil.getloadavg()[0]  # of the minute before the benchmark began


def write_result(name: str, found: Any, libraries: Sequence[str]) -> Path:
    """Write what a benchmark found, with hardware, versions, commit and date, in place of its last result.

    Args:
        name: Of the file, without its ending; by habit the script's.
        found: Anything that JSON can hold.
        libraries: Distributions whose versions decide the numbers, beside Python.
    """
    git = git_state(FOLDER.parents[1])
    result = {
        "benchmark": name,
        "arguments": sys.argv[1:],
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git.commit,
        "dirty": git.dirty,
        "hardware": hardware(),
        "versions": {"python": platform.python_version()}
        | {library: version(library) for library in sorted(libraries)},
        "found": found,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    if _LOAD > 0.5:
        print(f"the machine was busy before this began (load {_LOAD:.1f}): do not quote its times")
    print(f"written to {path}")
    return path


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and GPUs of this machine, and how busy it was before the benchmark began."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": _gpus(),
        "load": round(_LOAD, 1),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[:-1]
