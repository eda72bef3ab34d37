"""Errors that a user can fix, as one message with exit code 1; Ctrl-C with exit code 130."""

import sys
import traceback
from types import TracebackType
from typing import Any

import click
from kedro.io import DatasetError

from alignment_pretraining.errors import UserError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class CleanCommand(click.Command):
    """A command that shows what a user can fix without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command's callback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.secho("\ninterrupted; rerun to resume", fg="yellow", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            message = user_message(error)
            if message is None:
                raise
            click.secho(f"Error: {message}", fg="red", err=True)
            sys.exit(1)


def user_message(error: BaseException) -> str | None:
    """What to tell the user, or None when the error is a fault of the program and needs its traceback."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, UserError):
            return str(cause)
        cause = cause.__cause__
    if isinstance(error, DatasetError) or _raised_by_kedro(error.__traceback__):
        return str(error)
    return None


def _raised_by_kedro(tb: TracebackType | None) -> bool:
    """Kedro itself raises for names and configuration that do not fit: an unknown pipeline, node or parameter."""
    frames = list(traceback.walk_tb(tb))
    return bool(frames) and frames[-1][0].f_globals.get("__name__", "").split(".")[0] == "kedro"
