"""Drift is an error: what no longer matches its record is not served."""

from collections.abc import Iterable
from dataclasses import dataclass

from kedro.pipeline import Pipeline

from alignment_pretraining.core.code import library_versions
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph, GraphNode
from alignment_pretraining.lineage.outside import is_remote
from alignment_pretraining.lineage.parameters import differences
from alignment_pretraining.lineage.records import Record, node_params, read_record

_COMMANDS, _REASONS = 6, 3  # shown: commands that mend something, and reasons for each


@dataclass(frozen=True)
class Drift:
    """One dataset that is not what its record says, why, and the command that makes it again."""

    dataset: str
    reason: str
    command: str | None


def find_drift(graph: Graph, datasets: Iterable[str]) -> list[Drift]:
    """Everything in the history of `datasets` that no longer matches, first causes first, each once.

    Inputs that no node makes (raw data) are compared by content with the records of their readers.
    """
    return _Search(graph).over(datasets)


def by_command(drifts: Iterable[Drift]) -> list[str]:
    """Drifts for a message, one text for each command that makes again what drifted, first causes first."""
    groups: dict[str | None, list[str]] = {}
    for drift in drifts:
        groups.setdefault(drift.command, []).append(f"{drift.dataset}: {drift.reason}")
    texts = []
    for command, reasons in list(groups.items())[:_COMMANDS]:
        more = [f"… and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else []
        way_out = [f"  make it again: {command}"] if command else []
        texts.append("\n    ".join([*reasons[:_REASONS], *more, *way_out]))
    rest = sum(map(len, groups.values())) - sum(len(reasons) for reasons in list(groups.values())[:_COMMANDS])
    return [*texts, f"… and {rest} more, with {len(groups) - _COMMANDS} other commands"] if rest else texts


def check(graph: Graph, datasets: Iterable[str], what: str = "these inputs") -> None:
    """Refuse `datasets`, in the message `what`, unless they and all that they were made from still match their records.

    Raises:
        UserError: names each dataset that drifted, what changed and the command that makes it again.
    """
    drifts = find_drift(graph, datasets)
    if not drifts:
        return
    raise UserError(
        f"{what} are not what their records say:\n  - "
        + "\n  - ".join(by_command(drifts))
        + f"\nTo bring everything up to date: {graph.command_for_all}"
    )


def up_to_date(graph: Graph, pipeline: Pipeline) -> list[str]:
    """Names of the nodes of `pipeline` that need not run: all that they would read and make is as their records say.

    A node that reads what another node is going to make again is not among them.
    """
    search, found = _Search(graph), set[str]()
    for node in pipeline.nodes:  # makers before readers
        makers = {graph.makers[name].name for name in graph.inputs(node) if name in graph.makers}
        waits = makers & {other.name for other in pipeline.nodes} - found
        if not waits and search.is_finished(node):
            found.add(node.name)
    return [node.name for node in pipeline.nodes if node.name in found]


class _Search:
    """A walk up from datasets to first causes; each node is judged once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.judged: dict[str, list[Drift]] = {}
        self.records: dict[str, Record | None] = {}

    def over(self, datasets: Iterable[str]) -> list[Drift]:
        """Drift of each dataset, which must be there, and of its history."""
        found: dict[Drift, None] = {}
        for dataset in datasets:
            found.update(dict.fromkeys(self._history(dataset)))
            if self.graph.path(dataset) and self.graph.digest(dataset) is None:
                maker = self.graph.makers.get(dataset)
                command = self.graph.command(maker) if maker else None
                missing = Drift(dataset, f"there is nothing at {self.graph.relative(dataset)}", command)
                found[missing] = None
        return list(found)

    def is_finished(self, node: GraphNode) -> bool:
        """Whether the node's record says what it would run with now, and its outputs lie there as it made them."""
        try:
            record = self._record(node)
        except UserError:  # a damaged record, which running the node replaces
            return False
        if record is None or self._changes(node, record):
            return False
        made = {name: self.graph.digest(name) for name in node.outputs}
        return None not in made.values() and made == record.outputs

    def _history(self, dataset: str) -> list[Drift]:
        maker = self.graph.makers.get(dataset)
        return [*self._of_node(maker), *self._of_content(dataset, maker)] if maker else []

    def _of_content(self, dataset: str, maker: GraphNode) -> list[Drift]:
        """The dataset's own content, where it is still kept, against the record of its maker."""
        record, now = self._record(maker), self.graph.digest(dataset)
        if record is None or now is None or record.outputs.get(dataset) == now:
            return []
        where = self.graph.relative(dataset)
        return [Drift(dataset, f"the content of {where} changed since {maker.name} made it", self.graph.command(maker))]

    def _of_node(self, node: GraphNode) -> list[Drift]:
        if node.name not in self.judged:
            self.judged[node.name] = []
            causes = [drift for name in self.graph.inputs(node) for drift in self._history(name)]
            self.judged[node.name] = [*dict.fromkeys(causes), *self._of_record(node)]
        return self.judged[node.name]

    def _of_record(self, node: GraphNode) -> list[Drift]:
        """What the node would run with now against what its record says it ran with."""
        record = self._record(node)
        command = self.graph.command(node)
        if record is None:
            present = [name for name in self.graph.persisted(node.outputs) if self.graph.digest(name)]
            return [Drift(name, f"there is no record of how {node.name} made it", command) for name in present]
        subject = (self.graph.persisted(node.outputs) or node.outputs)[0]
        return [Drift(subject, reason, command) for reason in self._changes(node, record)]

    def _changes(self, node: GraphNode, record: Record) -> list[str]:
        graph = self.graph
        changes = [f"parameter {line}" for line in differences(record.params, node_params(graph, node))]
        code = graph.code(node).modules
        modules = sorted(code.keys() | record.code.keys())
        changes += [f"code {module} changed" for module in modules if code.get(module) != record.code.get(module)]
        installed = library_versions(graph.code(node).libraries)
        changes += [
            f"library {name} was {record.libraries.get(name, 'not used')}, now {installed.get(name, 'not used')}"
            for name in sorted(installed.keys() | record.libraries.keys())
            if installed.get(name) != record.libraries.get(name)
        ]
        inputs = graph.inputs(node)
        changes += [f"input {name} is new" for name in inputs if name not in record.inputs]
        changes += [f"input {name} is no longer read" for name in record.inputs if name not in inputs]
        for name in inputs:
            now = self._made(name)
            if name not in record.inputs or record.inputs[name] == now:
                continue
            if now is not None:
                changes.append(f"input {name} changed ({graph.relative(name)})")
            elif name not in graph.makers and not is_remote(name):
                changes.append(f"input {name} is missing ({graph.relative(name)})")
        return changes

    def _made(self, dataset: str) -> str | None:
        """Fingerprint of a dataset as its maker left it, or as it is when no node makes it."""
        maker = self.graph.makers.get(dataset)
        record = self._record(maker) if maker else None
        return record.outputs.get(dataset) if record else self.graph.digest(dataset)

    def _record(self, node: GraphNode) -> Record | None:
        if node.name not in self.records:
            self.records[node.name] = read_record(self.graph, node)
        return self.records[node.name]
