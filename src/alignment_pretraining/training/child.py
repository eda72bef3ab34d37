"""Runs one job in a process of its own.

Nodes that run side by side in threads would otherwise share Python's lock, torch's thread count and random state, and
the allocator: two training loops in two threads together were no faster than one.
"""

import ctypes
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# glibc's mallopt(3) parameters, and the block size up to which freed memory is kept for the next step.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP_BYTES = 1 << 30


def run_in_child(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a module-level `function` in a fresh process and return its result or raise its exception.

    The child ends when this process ends, however that comes about.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_prepare, initargs=(_level(),)) as pool:
        return pool.submit(function, *args, **kwargs).result()


def _level() -> int:
    return logging.getLogger(__package__).getEffectiveLevel()


def _prepare(level: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("alignment_pretraining").setLevel(level)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _keep_freed_memory()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _keep_freed_memory() -> None:
    """Stop glibc from giving every large tensor back to the kernel, only to fault it in again at the next step."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
        mallopt(_M_TOP_PAD, _KEEP_BYTES >> 4)
