"""Content hashes of files and folders, equal to those that DVC writes in `dvc.lock`."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

# Left out by the project's .dvcignore, so that compiled code never changes a folder's hash.
_IGNORED_FOLDERS = {"__pycache__"}


def fingerprint(path: Path) -> str:
    """MD5 of a file (32 characters), or of a folder (`<md5>.dir`, 36 characters), as DVC 3 computes it.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    if not path.is_dir():
        return _file_md5(path)
    # DVC hashes the JSON list of the folder's files, sorted by their relative POSIX path.
    entries = [{"md5": _file_md5(file), "relpath": file.relative_to(path).as_posix()} for file in _files(path)]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def fingerprint_value(value: Any) -> str:
    """MD5 of a value's canonical JSON, for configuration.

    Raises:
        TypeError: the value holds something that has no JSON form, so that it cannot be identified.
    """
    return hashlib.md5(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _file_md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS]
        found.extend(Path(root) / name for name in files)
    return found
