"""One run at a time in an environment's data folder: records of what was read hold only where nobody else writes."""

import fcntl
import os
import sys
from pathlib import Path

from alignment_pretraining.core.errors import UserError


class RunLock:
    """The system's lock on a file, which ends with the process, however it ends; the file says who holds it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".run.lock"
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            UserError: another process has it; names the process and its command.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 1000).decode(errors="replace").strip() or "another process"
            os.close(file)
            raise UserError(
                f"{self._path.parent}: {holder} is at work here; wait for it or stop it, or run another environment"
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} ({' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]})\n".encode())
        self._file = file

    def release(self) -> None:
        """Give the lock back, if this process has it."""
        if self._file is not None:
            os.ftruncate(self._file, 0)  # the same study leaves the same bytes
            os.close(self._file)
            self._file = None
