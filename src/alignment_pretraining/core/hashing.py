"""Hashes of files, folders and values. Data is identified by MD5 as DVC computes it, shards by SHA-256.

Files are read once where a cache is in use (see `digests`). `trust_cache=False` reads at any rate: for what may be
damaged in a way that leaves a file's size and times as they were.
"""

import hashlib
import json
from io import BufferedReader
from pathlib import Path
from typing import Any

from alignment_pretraining.core.digests import cached
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import files_below


def file_md5(path: Path, *, trust_cache: bool = True) -> str:
    """MD5 of a file, 32 hex digits."""
    return cached(path, "md5", _read_md5, trust_cache)


def file_sha256(path: Path, *, trust_cache: bool = True) -> str:
    """SHA-256 of a file, 64 hex digits."""
    return cached(path, "sha256", _read_sha256, trust_cache)


def folder_md5s(folder: Path, *, trust_cache: bool = True) -> dict[str, str]:
    """MD5 of every file in `folder`, by its POSIX path in it, sorted."""
    files = {file.relative_to(folder).as_posix(): file for file in files_below(folder) if not _is_ignored(file, folder)}
    return {name: file_md5(files[name], trust_cache=trust_cache) for name in sorted(files)}


def dvc_hash(path: Path) -> str:
    """MD5 of a file (32 characters), or of a folder (`<md5>.dir`, 36 characters), as DVC 3 computes it.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    if not path.is_dir():
        return file_md5(path)
    # DVC hashes the JSON list of the folder's files, sorted by their relative POSIX path.
    return json_md5([{"md5": md5, "relpath": name} for name, md5 in folder_md5s(path).items()]) + ".dir"


def json_md5(value: Any) -> str:
    """MD5 of a value's canonical JSON, for configuration.

    Raises:
        TypeError: the value holds something that has no JSON form, so that it cannot be identified.
    """
    return hashlib.md5(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def work_fingerprint(**parts: Any) -> str:
    """32 hex digits that name a piece of work by all that it depends on; a `Path` counts as the content of its folder.

    Raises:
        TypeError: a part is neither JSON nor a path.
    """
    return json_md5({name: folder_md5s(part) if isinstance(part, Path) else part for name, part in parts.items()})


def _read_md5(path: Path) -> str:
    with _open(path) as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _read_sha256(path: Path) -> str:
    with _open(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open(path: Path) -> BufferedReader:
    """Open a file to read it.

    Raises:
        UserError: it is a pipe, a socket or a device, from which reading may never end.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no regular file (a pipe, socket or device); move it away")
    return path.open("rb")


def _is_ignored(file: Path, folder: Path) -> bool:
    # The project's .dvcignore leaves it out, so that compiled code never changes a folder's hash.
    return "__pycache__" in file.relative_to(folder).parts[:-1]
