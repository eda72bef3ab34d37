"""The one exception for what a user can fix."""

import errno
from collections.abc import Iterable, Iterator

# No space, no quota, and a file larger than the system or a limit allows.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
# What is said where no OSError with its number arrives: by safetensors, SQLite and numpy, and in another process.
_SAID_FULL = ("No space left on device", "File too large", "database or disk is full", " requested and ")
_SAID_FORBIDDEN = ("Read-only file system", "Permission denied", "attempt to write a readonly database")
_MAKE_ROOM = "make room and run again: what is finished stays"
_GIVE_ACCESS = "give yourself access, or work in a copy"


class UserError(Exception):
    """Bad input or configuration: the message names the place and the way out, and no traceback is shown."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question in brackets for the name of `known` that `name` most looks like, after a space; "" for none."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def storage_fault(error: BaseException) -> str | None:
    """What to tell the user when an error means that the disk is full, read-only, or not theirs to use."""
    chain = list(_chain(error))
    for one in chain:  # the system's own error says it best, however it was wrapped
        if isinstance(one, OSError) and one.errno in (*_FULL, *_FORBIDDEN):
            where = f"{one.filename}: " if one.filename else ""
            if one.errno in _FULL:
                return f"{where}the disk is full ({one.strerror}); {_MAKE_ROOM}"
            return f"{where}{one.strerror}; {_GIVE_ACCESS}"
    for one in chain:
        if any(said in str(one) for said in _SAID_FULL):
            return f"the disk is full; {_MAKE_ROOM}"
        if any(said in str(one) for said in _SAID_FORBIDDEN):
            return f"{one}; {_GIVE_ACCESS}"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those during whose handling it arose: torch raises another one after a failed write."""
    one: BaseException | None = error
    while one:
        yield one
        one = one.__cause__ or one.__context__
