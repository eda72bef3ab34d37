"""Writing files so that a reader never sees half of one: a temporary name, flushed to disk, then renamed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a neighbour of `path` for writing; it takes the name `path` once it is complete and on disk."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file, flush it to disk, then give it the name `path`."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    flush(part)
    part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whose folder is made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as stream:
        stream.write(text.encode())


def flush(path: Path) -> None:
    """Force the content of a file, or of every file under a folder, to disk."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, those in folders that are linked to among them."""
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not leads_back(Path(root, name))]
        yield from (Path(root, name) for name in files)


def leads_back(path: Path) -> bool:
    """Whether a path is a link to a folder that it stands in, so that following it has no end."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def numbered(number: int, count: int) -> str:
    """The name of file `number` of at most `count`: their names sort as their numbers do, whoever sorts them."""
    return f"{number:0{max(5, len(str(count - 1)))}d}"
