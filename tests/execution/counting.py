"""Work for tests, in a module that workers can import: it notes each time it is done."""

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work

Item = tuple[Path, Any]  # a folder for notes, and what to do


def square(item: Item, folder: Path) -> dict[str, int]:
    """Write the square of a number; refuse a negative one, kill this process at a text, wait a number of seconds."""
    notes, value = item
    (notes / f"{value}-{time.time_ns()}").touch()
    if isinstance(value, str):
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(value, float):
        time.sleep(value)
    if value < 0:
        raise UserError(f"{value} has no place here")
    (folder / "square.txt").write_text(str(value * value))
    return {"root": int(value)}


def times_done(notes: Path, value: Any) -> int:
    """How often the work on `value` was begun."""
    return len(list(notes.glob(f"{value}-*")))


def big_file(size: int, folder: Path) -> dict[str, int]:
    """Write a file of `size` bytes."""
    (folder / "big").write_bytes(bytes(size))
    return {}


def tell(total: int, done: int) -> None:
    """Do `done` of `total` units of work, and tell of it."""
    logging.getLogger("alignment_pretraining.tests").info("a worker says so")
    with Work("work", total, unit="units") as work:
        work.advance(done, loss=2.5)
