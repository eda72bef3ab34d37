"""Files of a repository on the Hugging Face hub: fetched into the hub's own cache, or found there without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alignment_pretraining.core.errors import UserError

Kind = Literal["model", "dataset"]


def fetch(name: str, revision: str, kind: Kind, patterns: Sequence[str]) -> Path:
    """Folder with the files of a repository that match `patterns`; what is in the cache is not fetched again.

    Raises:
        UserError: there is no such repository or revision, it is closed to this user, or it is neither here nor
            within reach.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    where = f"{kind} {name}@{revision}"
    try:
        return Path(snapshot_download(name, repo_type=kind, revision=revision, allow_patterns=list(patterns)))
    except GatedRepoError as error:
        raise UserError(f"{where}: its owner asks who uses it; agree on its page, then `hf auth login`") from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{where}: the hub has no {kind} of this name that you may see; correct it, or `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(f"{where}: there is no such revision; name a branch, a tag or a commit of it") from error
    except HFValidationError as error:
        raise UserError(f"{where} is no name on the hub ({error}); a folder is given as `folder`") from error
    except OSError as error:  # of the network and of the cache
        raise UserError(
            f"{where} is not in the hub's cache ({_cache()}), and the hub cannot be reached ({error}); connect, or "
            f"copy it there: hf download {name} --repo-type {kind} --revision {revision}"
        ) from error


def stream(dataset: str, config: str | None, split: str, revision: str | None) -> Any:
    """The rows of a split, of the hub or of a local folder, as a `datasets.IterableDataset`.

    Opening it and reading it raise anything from ValueError to network errors, as the library does.
    """
    import datasets

    datasets.utils.tqdm.get_lock()  # else threads that read at once delete each other's
    return datasets.load_dataset(dataset, config, split=split, streaming=True, revision=revision)


@dataclass(frozen=True)
class Holding:
    """Bytes of a repository's files in all, and of those that are here; the commit, where it is known."""

    total: int
    here: int
    commit: str | None


def held(name: str, revision: str, kind: Kind, patterns: Sequence[str]) -> Holding | None:
    """What is to be fetched, as the hub says or, where it cannot be reached, as the cache has it; None for neither."""
    from huggingface_hub import snapshot_download

    found = commit(name, revision, kind)
    try:
        files: Any = snapshot_download(
            name, repo_type=kind, revision=revision, allow_patterns=list(patterns), dry_run=True
        )
        here = sum(file.file_size for file in files if not file.will_download)
        return Holding(sum(file.file_size for file in files), here, found)
    except Exception:  # no network, no such repository: fetching says so
        if found is None or not (folder := _snapshots(name, kind) / found).is_dir():
            return None
        size = sum(file.stat().st_size for pattern in patterns for file in folder.rglob(pattern))
        return Holding(size, size, found)


def commit(name: str, revision: str, kind: Kind) -> str | None:
    """The commit that `revision` stands for: by itself, as the hub says, or as its cache here remembers; else None."""
    from huggingface_hub import HfApi

    if re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    try:
        return HfApi().repo_info(name, repo_type=kind, revision=revision, timeout=10).sha
    except Exception:  # no network, no such repository: reading it says so
        return _remembered(name, revision, kind)


def _remembered(name: str, revision: str, kind: Kind) -> str | None:
    reference = _snapshots(name, kind).with_name("refs") / revision
    return reference.read_text().strip() if reference.is_file() else None


def _snapshots(name: str, kind: Kind) -> Path:
    from huggingface_hub.file_download import repo_folder_name

    return _cache() / repo_folder_name(repo_id=name, repo_type=kind) / "snapshots"


def _cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
