"""Errors that a user can fix, as one message with exit code 1; Ctrl-C and its like with the code of their signal."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType

import click
from kedro.io import DatasetError

from alignment_pretraining.core.errors import UserError, storage_fault

# How a run can be asked to end: Ctrl-C, and what `kill`, a closing terminal and a job scheduler send.
_ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def show_user_errors_cleanly() -> None:
    """From now on an error that a user can fix ends Python with its message and exit code 1, without a traceback.

    This is where every `kedro` command's uncaught error ends, those of Kedro and its plugins included.
    """
    other = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
        message = user_message(error)
        if message is None:
            other(kind, error, tb)
        else:
            sys.stdout.flush()
            click.secho(f"Error: {message}", fg="red", err=True)

    sys.excepthook = show


def leave_on_interrupt(before: Callable[[], None]) -> None:
    """From now on a signal that asks to end calls `before` and leaves at once with 128 + its number, as shells say it.

    Python's own way, an exception in the main thread, would wait for the threads of a runner to finish their nodes.
    Leaving at once is as safe as being killed, which every node has to survive.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        for other in _ASKED_TO_END:
            signal.signal(other, signal.SIG_DFL)  # a second one does not wait for `before`
        with contextlib.suppress(OSError):  # the terminal may be gone
            click.secho("\ninterrupted; rerun to resume", fg="yellow", err=True)
        before()
        os._exit(128 + number)

    for number in _ASKED_TO_END:
        # A shell starts background jobs with interrupts ignored, nohup with hangups; that is kept.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def user_message(error: BaseException) -> str | None:
    """What to tell the user, or None when the error is a fault of the program and needs its traceback."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, UserError):
            return str(cause)
        if fault := storage_fault(cause):
            return fault
        cause = cause.__cause__
    if isinstance(error, DatasetError) or _raised_by_kedro(error.__traceback__):
        return str(error)
    return None


def _raised_by_kedro(tb: TracebackType | None) -> bool:
    """Kedro itself raises for names and configuration that do not fit: an unknown pipeline, node or parameter."""
    frames = list(traceback.walk_tb(tb))
    return bool(frames) and frames[-1][0].f_globals.get("__name__", "").split(".")[0] == "kedro"
