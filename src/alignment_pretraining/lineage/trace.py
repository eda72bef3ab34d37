"""`kedro trace`: from a number back to everything that it was made from, and whether each still matches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.lineage.drift import Drift, find_drift
from alignment_pretraining.lineage.graph import Graph, GraphNode
from alignment_pretraining.lineage.numbers import TracedNumber, shown
from alignment_pretraining.lineage.outside import is_outside
from alignment_pretraining.lineage.parameters import flatten
from alignment_pretraining.lineage.records import Record, read_record
from alignment_pretraining.study import STAGES, Study


@dataclass(frozen=True)
class Trace:
    """The history of one number: for each dataset its content, its maker's record and what drifted."""

    number: TracedNumber
    inputs: dict[str, list[str]]  # dataset -> the datasets that its maker read, for this number
    digests: dict[str, str | None]
    records: dict[str, Record | None]
    drifts: dict[str, list[Drift]]

    @property
    def matches(self) -> bool:
        """Whether everything still is what its record says."""
        return not any(self.drifts.values())


def trace(graph: Graph, number: TracedNumber) -> Trace:
    """Follow `number` back to its first inputs, through the checkpoints that it speaks of."""
    found = Trace(number, {}, {}, {}, {})
    about = owned(graph.params, number)
    waiting = [number.table]
    while waiting:
        dataset = waiting.pop()
        if dataset in found.digests:
            continue
        maker = graph.makers.get(dataset)
        found.digests[dataset] = graph.digest(dataset)
        found.records[dataset] = read_record(graph, maker) if maker else None
        found.inputs[dataset] = _relevant(graph, maker, about, number.seed) if maker else []
        found.drifts[dataset] = _missing(graph, dataset, found.digests[dataset])
        waiting.extend(found.inputs[dataset])
    for drift in find_drift(graph, [number.table]):
        # What a record says of a node is told of one of its outputs: not always the one that the number rests on.
        maker = graph.makers.get(drift.dataset)
        together = [name for name in maker.outputs if name in found.drifts] if maker else []
        for dataset in [drift.dataset] if drift.dataset in found.drifts else together:
            if drift not in found.drifts[dataset]:
                found.drifts[dataset].append(drift)
    return found


def _missing(graph: Graph, dataset: str, digest: str | None) -> list[Drift]:
    """A step that needs nothing above a missing file may run; a number does not rest on what is not there."""
    if digest is not None or graph.path(dataset) is None:
        return []
    maker = graph.makers.get(dataset)
    return [Drift(dataset, f"there is nothing at {graph.relative(dataset)}", graph.command(maker) if maker else None)]


def as_json(graph: Graph, found: Trace) -> dict[str, Any]:
    """The trace as plain data."""
    return {
        "key": found.number.key,
        "field": found.number.field,
        "value": found.number.value,
        "dataset": found.number.table,
        "matches": found.matches,
        "history": {
            name: {
                "path": graph.relative(name) if graph.path(name) else None,
                "md5": digest,
                "matches": not found.drifts[name],
                "drift": [drift.reason for drift in found.drifts[name]],
                "inputs": found.inputs[name],
                "made_by": record.model_dump(mode="json") if (record := found.records[name]) else None,
            }
            for name, digest in found.digests.items()
        },
    }


def as_tree(graph: Graph, found: Trace) -> Tree:
    """The trace for a terminal; a dataset that comes up again is shown once."""
    tree = Tree(f"[bold]{escape(found.number.name)} = {shown(found.number.value)}[/]")
    _grow(tree, graph, found, found.number.table, set())
    return tree


def _grow(tree: Tree, graph: Graph, found: Trace, dataset: str, shown: set[str]) -> None:
    place = f" [dim]{escape(graph.relative(dataset))}[/]" if graph.path(dataset) else " [dim]not kept[/]"
    if dataset in shown:
        tree.add(f"{escape(dataset)} [dim](above)[/]")
        return
    shown.add(dataset)
    mark = "[red]✗[/]" if found.drifts[dataset] else "[green]✓[/]"
    branch = tree.add(f"{mark} [bold]{escape(dataset)}[/]{place} [cyan]{found.digests[dataset] or '-'}[/]")
    for drift in found.drifts[dataset]:
        branch.add(f"[red]{escape(drift.reason)}[/]" + (f" [dim]→ {drift.command}[/]" if drift.command else ""))
    record = found.records[dataset]
    if record:
        branch.add(_made_by(record))
    for name in found.inputs[dataset]:
        _grow(branch, graph, found, name, shown)


def _made_by(record: Record) -> str:
    code = ", ".join(f"{path.split('/', 1)[-1]} {md5[:7]}" for path, md5 in record.code.items())
    leaves = (leaf for name, value in record.params.items() for leaf in flatten(value, name.removeprefix("params:")))
    params = ", ".join(f"{key} {value}" for key, value in leaves)
    lines = [
        f"[dim]made by[/] {record.node} [dim]in[/] {record.seconds:.1f} s, {record.when}, env {record.env}",
        f"[dim]on[/] {', '.join(f'{key} {value}' for key, value in record.machine.items())}" if record.machine else "",
        f"[dim]commit[/] {record.commit_state} [dim]· MLflow run[/] {record.mlflow_run or '-'}",
        f"[dim]code[/] {code}" if code else "",
        f"[dim]params[/] {escape(params)}" if params else "",
    ]
    return "\n".join(line for line in lines if line)


def _relevant(graph: Graph, maker: GraphNode, about: set[tuple[str, str]], seed: int | None) -> list[str]:
    """A maker's inputs; where results of several arms and seeds come together, only those that the number uses."""
    names = [name for name in graph.inputs(maker) if name in graph.makers or graph.path(name) or is_outside(name)]
    if graph.places[maker.name].arm != "-" or not about:
        return names
    return [name for name in names if _is_used(graph, name, about, seed)]


def _is_used(graph: Graph, dataset: str, about: set[tuple[str, str]], seed: int | None) -> bool:
    maker = graph.makers.get(dataset)
    place = graph.places[maker.name] if maker else None
    if place and place.namespace in graph.params.get("study", {}).get("checkpoints", {}):
        return place.namespace in {arm for arm, _ in about}
    if place is None or place.arm == "-":
        return True
    return (place.arm, dataset.split(".")[-2]) in about and (seed is None or place.seed == str(seed))


def owned(params: Mapping[str, Any], number: TracedNumber) -> set[tuple[str, str]]:
    """The (arm, stage) pairs of a number, by the arm that trained each: arms with equal histories share stages."""
    try:
        study = parse(Study, params.get("study", {}), "study.yml")
    except UserError:
        return set(number.about)
    # What is trained by an optional pipeline, and what comes from elsewhere, no arm shares.
    alone = {(name, stage) for name, stage in number.about if name in study.checkpoints or stage not in STAGES}
    chains = {arm: study.chain(arm) + study.post_chain(arm) for arm in study.arms}
    return alone | {
        (stage_run.arm, stage_run.stage)
        for arm, stage in number.about
        for stage_run in chains.get(arm, [])
        if stage_run.stage == stage
    }
