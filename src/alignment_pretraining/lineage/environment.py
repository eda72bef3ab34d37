"""What a command runs in: git state, the machine, and the DVC command that started it."""

import contextlib
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from alignment_pretraining.core.cores import available_cores

# Written while the study runs, so they say nothing about the code.
OWN_FILES = tuple(
    f":(exclude){folder}{name}" for folder in ("", "environments/*/") for name in ("dvc.lock", "metrics.json")
)


@dataclass(frozen=True)
class Git:
    """Commit of the working tree, and what differs from it."""

    commit: str | None
    dirty: bool
    diff: str


def git_state(root: Path) -> Git:
    """State of the repository that has the project in `root`; no commit when there is none, or no such commit yet."""
    commit = _git(root, "rev-parse", "HEAD")
    # A project may lie in a repository that does not know it.
    if commit is None or not _git(root, "ls-files", "--", "pyproject.toml"):
        return Git(None, True, "")
    dirty = bool(_git(root, "status", "--porcelain", "--", ".", *OWN_FILES))
    diff = _git(root, "diff", "HEAD", "--", ".", *OWN_FILES) if dirty else ""
    return Git(commit.strip(), dirty, diff or "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def machine() -> dict[str, str]:
    """Processor and its newest instructions, cores that this process may use, GPUs, system and Python."""
    found = {
        "processor": _first_value(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": str(available_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    if told := instructions():
        found["instructions"] = told
    gpus = [_first_value(file, "Model") for file in Path("/proc/driver/nvidia/gpus").glob("*/information")]
    return found | ({"gpus": ", ".join(sorted(gpus))} if gpus else {})


def instructions() -> str:
    """The newest of a processor's extensions that make training another sum, "" where none is known.

    A name alone does not tell: virtual machines with and without AMX bear the same.
    """
    flags = _first_value(Path("/proc/cpuinfo"), "flags").split()
    return next((name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags), "")


def _first_value(file: Path, key: str) -> str:
    """The first `key : value` of one of the kernel's files, "" when there is none."""
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def dvc_command() -> str | None:
    """A name for the running `dvc` command that started this process, the same in all of its stages."""
    if "DVC_STAGE" not in os.environ:
        return None
    import psutil

    for process in psutil.Process().parents():
        # Processes of other users may not tell.
        with contextlib.suppress(psutil.Error):
            if any(Path(word).name == "dvc" for word in process.cmdline()[:3]):
                return f"dvc {process.pid} {process.create_time():.2f}"
    return None
