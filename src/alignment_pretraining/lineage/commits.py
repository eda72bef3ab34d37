"""Whether the commit that a record names is what made it: its code, and the versions that its lock file pins."""

import io
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from alignment_pretraining.core.code import SourceTree, distribution
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.records import Record

LOCK_FILE = "requirements.lock"


def commit_changes(graph: Graph, records: Iterable[Record]) -> Iterator[str]:
    """What the commits of `records` do not bear out. Records of uncommitted changes promise nothing, and a record of
    code that is no longer here is drift already: neither is looked at.
    """
    by_commit = defaultdict[str, list[Record]](list)
    for record in records:
        if record.commit and not record.dirty:
            by_commit[record.commit].append(record)
    for commit, made in sorted(by_commit.items()):
        with tempfile.TemporaryDirectory() as folder:
            if not _extract(graph.root, commit, Path(folder)):
                nodes = ", ".join(sorted({record.node for record in made})[:3])
                yield f"commit {commit[:10]}, which the records of {nodes} name, is not in this repository"
                continue
            tree, pins = SourceTree(Path(folder) / "src"), _pins(Path(folder) / LOCK_FILE)
            for record in sorted(made, key=lambda record: record.node):
                yield from _not_of_commit(graph, record, tree)
                yield from _not_pinned(record, pins)


def _extract(root: Path, commit: str, folder: Path) -> bool:
    """Write the source folder and the lock file of a commit into `folder`; False when there is no such commit."""
    present = [name for name in ("src", LOCK_FILE) if _git(root, "ls-tree", "--name-only", commit, name)]
    packed = _git(root, "archive", commit, *present) if present else None
    if not packed:
        return False
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return True


def _git(root: Path, *arguments: str) -> bytes | None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def _not_of_commit(graph: Graph, record: Record, tree: SourceTree) -> Iterator[str]:
    node = graph.nodes[record.node]
    if record.code != graph.code(node).modules:
        return
    committed = tree.code_of(*graph.function(node)).modules
    modules = sorted(committed.keys() | record.code.keys())
    changed = [module for module in modules if committed.get(module) != record.code.get(module)]
    if changed:
        yield f"{record.node} was not made by commit {record.commit_state}: {changed[0]} is another there"


def _not_pinned(record: Record, pins: dict[str, Version]) -> Iterator[str]:
    for library, used in record.libraries.items():
        pinned = pins.get(canonicalize_name(distribution(library)))
        if pinned and Version(pinned.public) != Version(Version(used).public):  # a build, such as +cpu, is not pinned
            yield f"{record.node} used {library} {used}, and {LOCK_FILE} of commit {record.commit_state} pins {pinned}"


def _pins(file: Path) -> dict[str, Version]:
    """Version by distribution, of each line `name==version`; `==1.*` pins none."""
    pins: dict[str, Version] = {}
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            found = Requirement(line)
        except InvalidRequirement:  # an option, a comment
            continue
        equal = [specifier.version for specifier in found.specifier if specifier.operator == "=="]
        versions = [version for version in equal if not version.endswith(".*")]
        if versions and (found.marker is None or found.marker.evaluate()):
            pins[canonicalize_name(found.name)] = Version(versions[0])
    return pins
