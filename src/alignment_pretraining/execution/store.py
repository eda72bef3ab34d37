"""What tasks have finished: one folder each, named by a fingerprint of everything that its content depends on.

A folder gets its name once it is whole and on disk, so a changed input or configuration never counts as finished, and
neither does what a killed run left behind.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.digests import link_with_hashes, move_with_hashes, remove_with_hashes
from alignment_pretraining.core.errors import UserError, storage_fault
from alignment_pretraining.core.files import flush
from alignment_pretraining.core.hashing import file_md5

T = TypeVar("T")
TaskStatistics = dict[str, Any]

RECORD = "task.json"


@dataclass(frozen=True)
class TaskResult:
    """A finished task: its folder, and what its work returned (JSON values)."""

    folder: Path
    told: TaskStatistics

    @property
    def files(self) -> list[Path]:
        """What the work has written, sorted by name."""
        return sorted(path for path in self.folder.iterdir() if path.name != RECORD)


def task_fingerprint(work: Callable[..., Any], *parts: Any) -> str:
    """SHA-256 (its first 32 hex digits) of JSON values, and of `work`'s code and its libraries' versions."""
    text = json.dumps([work_code(work), *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def finished(folder: Path) -> TaskResult | None:
    """The finished task in `folder`; None when there is none, or when a file is not as the task left it."""
    try:
        record = json.loads((folder / RECORD).read_text())
        whole = all(file_md5(folder / name) == md5 for name, md5 in record["files"].items())
    except (OSError, ValueError):
        return None
    return TaskResult(folder, record["told"]) if whole else None


def perform(work: Callable[[T, Path], TaskStatistics], item: T, folder: Path) -> TaskStatistics:
    """Have `work` fill an empty folder, and give it the name `folder` once it is whole; returns what it tells.

    Raises:
        UserError: the disk is full or may not be written; or the work met one.
    """
    try:
        return _perform(work, item, folder)
    except OSError as error:
        fault = storage_fault(error)
        if fault is None:
            raise
        raise UserError(f"{folder.parent}: {fault}") from error


def _perform(work: Callable[[T, Path], TaskStatistics], item: T, folder: Path) -> TaskStatistics:
    part = folder.with_name(f".{folder.name}.{os.uname().nodename}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    told = work(item, part)
    files = sorted(part.iterdir())
    record = {"told": told, "files": {path.name: file_md5(path) for path in files}}
    (part / RECORD).write_text(json.dumps(record))
    flush(part)
    remove_with_hashes(folder)
    move_with_hashes(part, folder)
    return told


def hard_link(source: Path, target: Path) -> None:
    """Give a finished file a second name in a node's output; where the file system has no links, copy it.

    What becomes of the output becomes of the finished file, whose hash then shows it, and the task is done again.
    """
    try:
        link_with_hashes(source, target)
    except OSError:
        shutil.copy2(source, target)


def keep_only(store: Path, folders: set[str]) -> None:
    """Delete what earlier configurations and killed runs left in a store."""
    for path in store.iterdir():
        if path.is_dir() and path.name not in folders:
            remove_with_hashes(path)
