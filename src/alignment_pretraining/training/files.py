"""Writing files and folders so that a reader never sees half of one, and hashing what was written."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file, flush it to disk, then give it the name `path`."""
    temporary = path.with_name(f".{path.name}.tmp")
    write(temporary)
    flush(temporary)
    temporary.replace(path)


def flush(path: Path) -> None:
    """Force the content of `path` to disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def file_hash(path: Path) -> str:
    """md5 of one file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def folder_hashes(folder: Path) -> dict[str, str]:
    """md5 of every file in `folder`, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}


def fingerprint(**parts: Any) -> str:
    """32 hex digits over `parts`; a `Path` counts as the content of its folder.

    Raises:
        TypeError: a part is neither JSON nor a path.
    """
    content = {name: folder_hashes(part) if isinstance(part, Path) else part for name, part in parts.items()}
    return hashlib.md5(json.dumps(content, sort_keys=True).encode()).hexdigest()
