"""One record for each node run: what it read, made and ran with."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alignment_pretraining.core.environments import data_folder
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.core.spec import Spec
from alignment_pretraining.lineage.graph import Graph, GraphNode, is_parameter
from alignment_pretraining.lineage.parameters import parameter, plain


class Record(Spec):
    """A node run. Hashes are MD5 as DVC computes them; None stands for a dataset that is not on disk.

    `code` has the hash of what the node's function can reach, by module (see `core.code`). `machine` is where it first
    ran: on another processor the same work may give other bytes.
    """

    node: str
    inputs: dict[str, str | None]
    outputs: dict[str, str | None]
    params: dict[str, Any]
    code: dict[str, str]
    libraries: dict[str, str]
    machine: dict[str, str] = {}
    env: str
    commit: str | None
    dirty: bool
    mlflow_run: str | None
    seconds: float
    when: str

    @property
    def commit_state(self) -> str:
        """The commit, shortened, and whether the tree differed from it."""
        return (self.commit or "no commit")[:10] + (" + uncommitted changes" if self.dirty else "")

    def same_work(self, other: "Record") -> bool:
        """Whether both runs did the same work with the same result."""
        same = {"inputs", "outputs", "params", "code", "libraries", "env"}
        return self.model_dump(include=same) == other.model_dump(include=same)


def records_folder(env: str | None) -> Path:
    """Where an environment's records lie, relative to the project."""
    return data_folder(env) / "lineage"


def record_path(graph: Graph, node: GraphNode) -> Path:
    """Where a node's record lies: <records>/<pipeline>/<top level of its namespace>/<node>.json."""
    place = graph.places[node.name]
    return graph.root / records_folder(graph.env) / place.pipeline / place.group / f"{node.name}.json"


def node_params(graph: Graph, node: GraphNode) -> dict[str, Any]:
    """Parameters that a node reads, and the arguments bound to its function, as plain data."""
    read = {name: parameter(graph.params, name) for name in sorted(node.inputs) if is_parameter(name)}
    params: dict[str, Any] = plain({**read, **graph.bound(node)})
    return params


def read_record(graph: Graph, node: GraphNode) -> Record | None:
    """A node's record, or None when there is none.

    Raises:
        UserError: the file is not a record.
    """
    path = record_path(graph, node)
    if not path.is_file():
        return None
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is not a lineage record; make it again: {graph.command(node)}") from error


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically. A run that only repeats the work of the record that is there leaves it in place,
    so that DVC sees no change, unless it is the first to do so from a clean commit.
    """
    old = _readable(path)
    if old and record.same_work(old) and (record.dirty or not old.dirty):
        return
    write_text(path, record.model_dump_json(indent=2) + "\n")


def _readable(path: Path) -> Record | None:
    """The record at `path`; a damaged one counts as none, because it is about to be replaced."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
