"""The one exception for what a user can fix."""

import errno

# No space, no quota, and a file larger than the system or a limit allows.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(Exception):
    """Bad input or configuration: the message names the place and the way out, and no traceback is shown."""


def disk_full(error: BaseException) -> str | None:
    """What to tell the user when an error means that the disk is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}the disk is full ({error.strerror}); make room and run again: what is finished stays"
    return None
