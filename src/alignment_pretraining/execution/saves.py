"""Which of the saves of an unfinished training are whole, and from which one to go on: folders named by their step."""

import json
import shutil
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_atomically

MARK = "whole.json"


def mark_whole(folder: Path, layout: dict[str, int] | None = None) -> None:
    """Record the size of every file of a finished save, and the layout of a cluster that wrote it."""
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
    text = json.dumps({"layout": layout or {}, "files": files}, indent=2, sort_keys=True)
    write_atomically(folder / MARK, lambda path: path.write_text(text))


def newest(folder: Path) -> Path | None:
    """The whole save of the highest step, or None; parts that an interrupted save left are passed over."""
    whole = [path for path in _steps(folder) if (path / MARK).exists()]
    return whole[-1] if whole else None


def verify(checkpoint: Path) -> dict[str, int]:
    """The layout that wrote `checkpoint`, after checking that every file has the size it was saved with.

    Raises:
        UserError: a file is missing or has another size; names it.
    """
    mark = _read(checkpoint)
    for name, size in mark["files"].items():
        file = checkpoint / name
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            has = "missing" if found is None else f"{found:,} bytes"
            raise UserError(f"{file}: {has}, but {size:,} bytes were saved; delete {checkpoint} to go on from another")
    layout: dict[str, int] = mark["layout"]
    return layout


def keep_newest(folder: Path, count: int, every: int | None = None) -> None:
    """Delete all but the last `count` whole saves and those of multiples of `every` steps, and older parts of saves."""
    kept = kept_for_good(folder, every)
    whole = [path for path in _steps(folder) if (path / MARK).exists()]
    for path in _steps(folder):
        if whole[-count:] and int(path.name) < int(whole[-count:][0].name) and path not in kept:
            shutil.rmtree(path)


def kept_for_good(folder: Path, every: int | None) -> list[Path]:
    """The whole saves of multiples of `every` steps, oldest first."""
    return [path for path in _steps(folder) if every and int(path.name) % every == 0 and (path / MARK).exists()]


def _steps(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("*") if path.name.isdigit()), key=lambda path: int(path.name))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MARK)


def _read(checkpoint: Path) -> dict[str, Any]:
    try:
        mark: dict[str, Any] = json.loads((checkpoint / MARK).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{checkpoint / MARK}: not readable; delete {checkpoint} to go on from another") from error
    return mark
