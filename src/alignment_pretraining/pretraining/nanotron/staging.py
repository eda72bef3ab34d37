"""Saves that training does not wait for: written to a disk of each machine, and copied to shared storage meanwhile."""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from alignment_pretraining.core.files import flush


class StagedSaves:
    """Copies this machine's part of a save, folder `<step>` of `staging`, into `shared`, in a thread.

    One rank of each machine does. The others, and trainings that write to shared storage at once, have no `staging`.
    """

    def __init__(self, staging: Path | None, shared: Path) -> None:
        self._staging, self._shared = staging, shared
        self._thread = ThreadPoolExecutor(1)
        self._copying: Future[None] | None = None
        self.clear()  # what an earlier job left there is of no use: only what is in shared storage is gone on from

    def start(self, step: int) -> None:
        """Begin to copy the save of `step`, which is finished on this machine."""
        if self._staging:
            self._copying = self._thread.submit(self._copy, self._staging / str(step), self._shared / str(step))

    def done(self) -> bool:
        """Whether nothing is left to copy.

        Raises:
            OSError: it could not be copied.
        """
        if self._copying is None:
            return True
        if self._copying.done():
            self.wait()
        return self._copying is None

    def wait(self) -> None:
        """Return when nothing is left to copy.

        Raises:
            OSError: it could not be copied.
        """
        if self._copying:
            self._copying.result()
            self._copying = None

    def clear(self) -> None:
        """Delete what this machine has in `staging`."""
        if self._staging:
            shutil.rmtree(self._staging, ignore_errors=True)

    def _copy(self, staged: Path, shared: Path) -> None:
        shutil.copytree(staged, shared, dirs_exist_ok=True)
        flush(shared)
        shutil.rmtree(staged)
