"""What a command runs in: git state, and the DVC command that started it."""

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Written by DVC while its stages run, so it says nothing about the code.
_OWN_FILES = (":(exclude)dvc.lock", ":(exclude)environments/*/dvc.lock")


@dataclass(frozen=True)
class Git:
    """Commit of the working tree, and what differs from it."""

    commit: str | None
    dirty: bool
    diff: str


def git_state(root: Path) -> Git:
    """State of the repository at `root`; no commit when it is none, or has none yet."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return Git(None, True, "")
    dirty = bool(_git(root, "status", "--porcelain", "--", ".", *_OWN_FILES))
    diff = _git(root, "diff", "HEAD", "--", ".", *_OWN_FILES) if dirty else ""
    return Git(commit.strip(), dirty, diff or "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


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
