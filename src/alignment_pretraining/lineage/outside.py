"""What nodes read that is in no dataset: a user's own files, installed packages, datasets on a hub.

A specification that names such things has a method `reads()` with their names:

    files:<path, glob or URL>    package:<name>    dataset:<name>@<revision>    model:<name>@<revision>
"""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from os.path import relpath
from pathlib import Path
from typing import Any, get_args, get_origin

from alignment_pretraining.core import hub
from alignment_pretraining.core.hashing import dvc_hash, json_md5
from alignment_pretraining.lineage.parameters import MISSING, parameter

_ON_THE_HUB = ("dataset:", "model:")
_WILD = re.compile(r"[*?\[]")


def outside_inputs(inputs: Iterable[str], params: Mapping[str, Any]) -> list[str]:
    """Names of what the parameters among `inputs` say that their reader reads, sorted.

    Raises:
        ValidationError: a parameter is not what its specification says.
    """
    found: set[str] = set()
    for name in inputs:
        kind, value = _specification(name), parameter(params, name)
        if hasattr(kind, "reads") and value != MISSING:
            found.update(kind.model_validate(value).reads())
    return sorted(found)


def _specification(name: str) -> Any:
    """What a parameter is validated as; None where that is no specification."""
    from alignment_pretraining.parameters import Parameters  # all of them, which takes a while

    prefix, _, keys = name.partition("params:")
    kind: Any = None if prefix else Parameters
    for key in keys.split("."):
        fields = getattr(kind, "model_fields", None)
        if fields is not None:
            kind = fields[key].annotation if key in fields else None
        else:  # a dict of specifications
            kind = get_args(kind)[1] if get_origin(kind) is dict else None
    return kind


def is_outside(name: str) -> bool:
    """Whether this names something that is in no dataset."""
    return name.startswith(("files:", "package:", *_ON_THE_HUB))


def is_remote(name: str) -> bool:
    """Whether it is reached over a network, so that its absence may be the network's."""
    return name.startswith(_ON_THE_HUB) or "://" in name


def outside_path(name: str, root: Path) -> Path | None:
    """Where it lies on this machine: the file, or the folder above the first wildcard."""
    kind, _, place = name.partition(":")
    if kind != "files" or is_remote(name):
        return None
    wild = _WILD.search(place)
    return root / (place[: wild.start()].rpartition("/")[0] if wild else place)


def outside_digest(name: str, root: Path) -> str | None:
    """What it is now: a hash of the content, the version of a package, the commit on a hub; None if it is not
    there or cannot be reached."""
    kind, _, place = name.partition(":")
    if kind == "package":
        try:
            return version(place)
        except PackageNotFoundError:
            return None
    if name.startswith(_ON_THE_HUB):
        repository, _, revision = place.partition("@")
        return hub.commit(repository, revision or "main", "model" if kind == "model" else "dataset")
    return _files_digest(place, root)


def _files_digest(place: str, root: Path) -> str | None:
    """MD5 over the content of all files that match; of remote ones over what their file system says of them."""
    import fsspec

    if "://" not in place:
        path = root / place
        if path.exists():
            return dvc_hash(path)
        found = [Path(file) for file in sorted(fsspec.filesystem("file").glob(str(path))) if Path(file).is_file()]
        return json_md5({relpath(file, root): dvc_hash(file) for file in found}) if found else None
    try:
        filesystem, pattern = fsspec.core.url_to_fs(place)
        states = {path: str(filesystem.ukey(path)) for path in sorted(filesystem.glob(pattern))}
    except Exception:  # each file system raises its own
        return None
    return json_md5(states) if states else None
