"""Work for tests, in a module that workers can import: it notes each time it is done."""

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work, node_name

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


def square_with_room(item: Item, folder: Path) -> dict[str, int]:
    """As `square`, but refuse the first item while there is a note that the disk is full."""
    full = item[0] / "full"
    if full.exists():
        full.unlink()
        raise UserError("the disk is full")
    return square(item, folder)


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


def say(text: str, *, times: int) -> str:
    """A text, so many times."""
    return text * times


def refuse_odd(number: int) -> int:
    """Half of an even number; an odd one is refused."""
    if number % 2:
        raise UserError(f"{number} is odd")
    return number // 2


def variable(name: str) -> tuple[str | None, str]:
    """A variable of the environment here, and the node that this work is of."""
    return os.environ.get(name), node_name.get()
