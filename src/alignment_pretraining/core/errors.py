"""The one exception for what a user can fix."""

import errno
from collections.abc import Iterator

# No space, no quota, and a file larger than the system or a limit allows.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What is said where no OSError with its number arrives: by safetensors, SQLite and numpy, and in another process.
_SAID_FULL = ("No space left on device", "File too large", "database or disk is full", " requested and ")


class UserError(Exception):
    """Bad input or configuration: the message names the place and the way out, and no traceback is shown."""


def disk_full(error: BaseException) -> str | None:
    """What to tell the user when an error means that the disk is full."""
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno in _FULL:
            where = f"{one.filename}: " if one.filename else ""
            return f"{where}the disk is full ({one.strerror}); make room and run again: what is finished stays"
        if any(said in str(one) for said in _SAID_FULL):
            return "the disk is full; make room and run again: what is finished stays"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those during whose handling it arose: torch raises another one after a failed write."""
    one: BaseException | None = error
    while one:
        yield one
        one = one.__cause__ or one.__context__
