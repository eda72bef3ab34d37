"""Worker processes for heavy work, one a core, or one where there is a GPU.

Nodes that run side by side in threads would otherwise share Python's lock, torch's thread count and random state, and
the allocator: two training loops in two threads together were no faster than one. A worker stays for the next node, so
that torch is imported once.
"""

import ctypes
import logging
import logging.handlers
import multiprocessing
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from functools import cache
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from alignment_pretraining.core import progress
from alignment_pretraining.core.cores import available_cores
from alignment_pretraining.core.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# glibc's mallopt(3) parameters, and the block size up to which freed memory is kept for the next step.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP_BYTES = 1 << 30


# Environment variables for the work of the node that this thread runs, such as its MLflow run.
node_environment: ContextVar[dict[str, str]] = ContextVar("node_environment", default={})  # noqa: B039 - never mutated


def run_in_worker(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a module-level `function` in a worker process and return its result or raise its exception.

    Workers end when this process ends, however that comes about.

    Raises:
        UserError: the worker died, as it does when the machine runs out of memory.
    """
    try:
        node, environment = progress.node_name.get(), node_environment.get()
        return _pool(_count()).submit(_call, node, environment, function, args, kwargs).result()
    except BrokenProcessPool as error:
        _pool.cache_clear()
        raise UserError(
            f"the process that ran {function.__name__} was killed; if memory ran out, make batches smaller "
            "(training.micro_batch_tokens, evaluation.batch_size) and run again: it resumes"
        ) from error


def _call(node: str, environment: dict[str, str], function: Callable[..., R], args: Any, kwargs: Any) -> R:
    progress.node_name.set(node)
    os.environ.update(environment)
    try:
        return function(*args, **kwargs)
    finally:
        for name in environment:
            del os.environ[name]


def map_in_workers(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Results of a picklable `function` for each of `items`, in order; few are under way or waiting at a time.

    There is one worker a core: this is for work without a GPU.

    Raises:
        UserError: a worker died.
    """
    cores = available_cores()
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(_pool(cores).submit(function, item))
            if len(waiting) > 2 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        _pool.cache_clear()
        raise UserError("a worker process was killed (did memory run out?); run again: what is done stays") from error
    finally:
        for result in waiting:
            result.cancel()


def warm_up(function: Callable[..., Any]) -> None:
    """Start the workers of `map_in_workers` beside other work, and have them import `function`: that takes seconds."""
    cores = available_cores()
    for _ in range(cores):
        _pool(cores).submit(_import, function)


def _import(function: Callable[..., Any]) -> None:
    """Nothing is left to do: to take `function` out of its pickle imports its module."""


@cache
def _pool(size: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    news: SimpleQueue[Any] = context.SimpleQueue()
    threading.Thread(target=_pass_on, args=(news,), daemon=True).start()
    return ProcessPoolExecutor(size, mp_context=context, initializer=_prepare, initargs=(_level(), news))


def _pass_on(news: "SimpleQueue[Any]") -> None:
    """Log what workers log, and tell what they tell, as this process's own: one place writes to the terminal."""
    while True:
        told = news.get()
        if isinstance(told, logging.LogRecord):
            logging.getLogger(told.name).handle(told)
        else:
            progress.tell(told)


def _count() -> int:
    """One a core; a GPU serves one at a time."""
    has_gpu = Path("/proc/driver/nvidia/gpus").is_dir() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""
    return 1 if has_gpu else available_cores()


def _level() -> int:
    return logging.getLogger(__package__).getEffectiveLevel()


class _Sender(logging.handlers.QueueHandler):
    """Sends what is logged to the process that started this one."""

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record; the queue that is given has no `put_nowait`."""
        self.queue.put(record)  # type: ignore[attr-defined]


def _prepare(level: int, news: "SimpleQueue[Any]") -> None:
    # One thread for what does not set its own number: a result must not depend on how many cores there are.
    os.environ["OMP_NUM_THREADS"] = "1"
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_Sender(news)])  # type: ignore[arg-type] # it takes any queue
    progress.tell_to(news.put)
    logging.getLogger("alignment_pretraining").setLevel(level)
    # What libraries say to their own users, and their bars.
    warnings.filterwarnings("ignore", module=r"(transformers|trl|datasets)\b")
    os.environ["TQDM_DISABLE"] = "1"
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
