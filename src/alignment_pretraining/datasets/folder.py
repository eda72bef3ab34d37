"""Folders that pass between nodes as handles, never as one object in memory."""

import base64
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import get_filepath_str
from kedro_datasets._typing import ImagePreview

from alignment_pretraining.core.digests import move_with_hashes, remove_with_hashes
from alignment_pretraining.core.files import flush


class FolderDataset(AbstractDataset[Path, Path]):
    """A folder on disk. Saving moves the given folder into place at once; loading gives its path.

    What was there goes when the new folder is whole and beside it, on whatever file system either lies.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    @property
    def path(self) -> Path:
        """Where the folder lies."""
        return Path(get_filepath_str(self._filepath, "file"))

    def load(self) -> Path:
        """Path of the folder.

        Raises:
            DatasetError: there is no such folder.
        """
        if not self.path.is_dir():
            raise DatasetError(f"no folder at {self._filepath}")
        return self.path

    def save(self, data: Path) -> None:
        """Flush the folder `data` to disk and move it into place, replacing what was there."""
        if not data.is_dir():
            raise DatasetError(f"{data} is not a folder")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new, old = (self.path.with_name(f".{self.path.name}.{which}") for which in ("new", "old"))
        for left in (new, old):
            remove_with_hashes(left)
        move_with_hashes(data, new)
        flush(new)
        if self.path.exists():
            self.path.rename(old)
        move_with_hashes(new, self.path)
        remove_with_hashes(old)

    def _exists(self) -> bool:
        return self.path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class FiguresDataset(FolderDataset):
    """A folder of figures, of which kedro-viz shows one."""

    def preview(self, figure: str | None = None) -> ImagePreview:
        """The PNG file `figure`, else the first one, as base64; empty where there is none."""
        files = sorted(self.path.glob("*.png"))
        chosen = [file for file in files if file.stem == figure] or files
        return ImagePreview(base64.b64encode(chosen[0].read_bytes()).decode() if chosen else "")


class ScratchDataset(AbstractDataset[Path, Path]):
    """A folder in which long nodes keep unfinished work, so that an interrupted run can resume.

    Nothing in it is a result: nodes name their work by a fingerprint of their inputs and hand the finished folder on.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Path of the folder, made when missing."""
        self._path.mkdir(parents=True, exist_ok=True)
        return self._path

    def save(self, data: Path) -> None:
        """Refused: nodes write into the folder themselves."""
        raise DatasetError("scratch space is not an output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path}
