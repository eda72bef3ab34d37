"""Files of this machine, those in folders that are linked to among them."""

from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from alignment_pretraining.core.files import leads_back


class LinkedFolders(LocalFileSystem):  # type: ignore[misc] # it has no types
    """fsspec's file system takes a link to a folder for a file of another kind; here it is that folder."""

    def info(self, path: Any, **kwargs: Any) -> dict[str, Any]:
        """What the file system says of a path."""
        about: dict[str, Any] = super().info(path, **kwargs)
        found = Path(about["name"])
        if about["islink"] and found.is_dir() and not leads_back(found):
            about["type"] = "directory"
        return about
