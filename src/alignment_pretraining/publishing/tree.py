"""The repositories as folders, written as a whole or not at all."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_pretraining.core.digests import link_with_hashes
from alignment_pretraining.core.environments import environment
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import flush, write_text
from alignment_pretraining.publishing.cards import CARD, card_of
from alignment_pretraining.publishing.contents import Kind, Repository
from alignment_pretraining.publishing.facts import Facts

LIST = "published.json"


@dataclass(frozen=True)
class Written:
    """A repository as it lies in `folder`: `files` have their sizes in bytes."""

    id: str
    kind: Kind
    folder: Path
    files: dict[str, int]

    @property
    def card(self) -> Path:
        """Its card."""
        return self.folder / CARD

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


def default_folder(env: str | None) -> Path:
    """Where the repositories are written unless the user says, relative to the project."""
    return Path("build", "published", environment(env))


def check_place(root: Path, folder: Path) -> None:
    """Refuse a folder that holds something else, or that git would count as a change of the project.

    Raises:
        UserError: says which of both.
    """
    if folder.exists() and not (folder / LIST).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something else than an earlier `kedro publish`; name a new folder")
    if folder.resolve().is_relative_to(root.resolve()):
        command = ["git", "check-ignore", "-q", str(folder.resolve() / LIST)]
        if subprocess.run(command, cwd=root, capture_output=True).returncode == 1:
            raise UserError(f"{folder} lies in the project, and git does not ignore it; name a folder outside")


def write_tree(facts: Facts, folder: Path) -> list[Written]:
    """Write every repository under `folder`, in place of what an earlier call wrote there.

    Files are hard links to the study's own where there are links: they take no room, and are not to be edited.
    """
    part, old = (folder.with_name(f".{folder.name}.{name}") for name in ("part", "old"))
    for left in (part, old):  # by a call that was killed
        shutil.rmtree(left, ignore_errors=True)
    for repository in facts.contents.repositories:
        _write(facts, repository, part / _place(repository))
    written = [_written(facts, repository, part) for repository in facts.contents.repositories]
    write_text(part / LIST, json.dumps(_listed(facts, written), indent=1, ensure_ascii=False) + "\n")
    if folder.exists():
        folder.rename(old)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return [_written(facts, repository, folder) for repository in facts.contents.repositories]


def _place(repository: Repository) -> Path:
    return Path(f"{repository.kind}s", repository.name)


def _write(facts: Facts, repository: Repository, folder: Path) -> None:
    for place, name in repository.datasets.items():
        source = facts.graph.path(name)
        assert source is not None
        for file, target in _copies(source, folder / place):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                link_with_hashes(file.resolve(), target)  # DVC's links may lead to its cache
            except OSError:  # another file system, or one without links
                shutil.copyfile(file, target)
                flush(target)
    (folder / CARD).unlink(missing_ok=True)  # the suite's own, which is a link: the card goes on from it
    write_text(folder / CARD, card_of(facts, repository))


def _copies(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    if source.is_file():
        yield source, target
        return
    for file in sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        yield file, target / file.relative_to(source)


def _written(facts: Facts, repository: Repository, under: Path) -> Written:
    folder = under / _place(repository)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    return Written(str(facts.id(repository)), repository.kind, folder, sizes)


def _listed(facts: Facts, written: list[Written]) -> dict[str, Any]:
    return {
        "study": facts.study.name,
        "environment": facts.graph.env,
        "commit": facts.proof.commit,
        "repositories": [{"id": one.id, "kind": one.kind, "files": one.files} for one in written],
    }
