"""`kedro trace` on one screen: what a number says, what it rests on, how it was made, and whether all of it holds."""

import json
from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from alignment_pretraining.core.environments import BASE
from alignment_pretraining.core.labels import Label, arm_and_seed
from alignment_pretraining.lineage.drift import by_command
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.numbers import TABLES, shown
from alignment_pretraining.lineage.outside import is_outside
from alignment_pretraining.lineage.records import Record
from alignment_pretraining.lineage.trace import Trace
from alignment_pretraining.study import STAGES, Checkpoint

_SHOWN = 4
_DIGITS = 8  # of a hash
_COUNTS = {"n_items": "questions", "n_families": "families", "n_seeds": "trainings"}


def as_story(graph: Graph, found: Trace) -> str:
    """The trace as lines of rich's markup."""
    records = {name: record for name, record in found.records.items() if record}
    sections = {
        "checkpoints": _checkpoints(graph, found),
        "made from": _sources(graph, found),
        "made by": _makers(graph, records),
        "holds": _verdict(found),
    }
    lines = [*_headline(found)]
    for title, body in sections.items():
        lines += ["", f"[bold]{title}[/]", *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _headline(found: Trace) -> Iterator[str]:
    """The number, and what its row says of it."""
    number, row = found.number, found.number.row
    yield f"[bold]{escape(number.name)} = {shown(number.value)}[/]"
    if number.field == TABLES[number.table] and {"low", "high"} <= row.keys():
        over = f" over {row['over']}" if row.get("over") else ""
        counts = [f"{row[name]:.0f} {unit}" for name, unit in _COUNTS.items() if _is_number(row.get(name))]
        yield "; ".join([f"95 % interval {row['low']:.3g} to {row['high']:.3g}{over}", *counts])
    if str(row.get("by_seed", "")).startswith("{"):
        yield "by seed " + ", ".join(f"{seed}: {value:.3g}" for seed, value in json.loads(row["by_seed"]).items())
    if "printed" in row:
        yield f"{row['place']} of version {row['version']}: {row['printed']:.3g}, [bold]{row['verdict']}[/]"
    if "controls_hold" in row:
        yield f"{row['left']} minus {row['right']}, {row['form']}, {row['split']}"
        controls = "hold" if str(row["controls_hold"]) == "True" else "[red]FAIL[/]"
        tested = f"p {row['p']:.2g}, after Holm {row['p_holm']:.2g}"
        yield f"declared {row['expect']}: [bold]{row['verdict']}[/], {tested}; controls {controls}"


def _checkpoints(graph: Graph, found: Trace) -> Iterator[str]:
    """For each arm and stage: its trainings, whether they are as they were made, and what they read."""
    groups: dict[tuple[str, str], list[Label]] = {}
    for label in filter(None, map(_checkpoint, found.digests)):
        groups.setdefault((label.arm, label.stage), []).append(label)
    for (arm, stage), labels in sorted(groups.items(), key=lambda group: (group[0][0], _order(group[0][1]))):
        labels.sort(key=lambda label: label.seed)
        names = [label.dataset("checkpoint") for label in labels]
        seeds = " ".join(str(label.seed) for label in labels)
        mark = _mark(not any(found.drifts[name] for name in names))
        yield f"{mark} {arm} {stage}, seeds {seeds}: {_hashes(found, names)}"
        yield from (f"  [dim]{line}[/]" for line in _reads(graph, labels[0].dataset("manifest")))
    for name, source in _from_elsewhere(graph, found).items():
        yield f"{_mark(not found.drifts[source])} {name}: {escape(source)} {_hashes(found, [source])}"
    if not groups and not _from_elsewhere(graph, found):
        yield "none: it speaks of no model"


def _order(stage: str) -> tuple[int, str]:
    """The study's own stages first."""
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _from_elsewhere(graph: Graph, found: Trace) -> dict[str, str]:
    """The checkpoints of the chain that were not trained here, and where each is from."""
    told = graph.params.get("study", {}).get("checkpoints", {})
    sources = {name: Checkpoint.model_validate(values).reads()[0] for name, values in told.items()}
    return {name: source for name, source in sources.items() if source in found.digests}


def _reads(graph: Graph, manifest: str) -> Iterator[str]:
    """What a stage read: the doses of what was inserted."""
    path = graph.path(manifest) if manifest in graph.makers else None
    if path and path.is_file():
        try:
            told = json.loads(path.read_bytes())
        except ValueError:
            yield "what it read is not known: its manifest is damaged"
            return
        doses = [f"{name} {share['reached']:.2%}" for name, share in told.get("share", {}).items() if share["reached"]]
        yield f"read {told['tokens']:,} tokens: " + ", ".join([*doses, "the corpus" + (" else" if doses else "")])


def _sources(graph: Graph, found: Trace) -> Iterator[str]:
    """Documents and questions, then raw data, which no node makes."""
    made = [name for name in found.digests if _is_text(graph, name) and graph.path(name)]
    raw = [name for name in found.digests if name not in graph.makers and (graph.path(name) or is_outside(name))]
    for name in [*sorted(made), *sorted(raw)]:
        yield f"{_mark(not found.drifts[name])} {escape(graph.relative(name))} {_hashes(found, [name])}"


def _makers(graph: Graph, records: dict[str, Record]) -> Iterator[str]:
    """Commits, machines, MLflow runs and the DVC stages of the records of the chain."""
    runs = {_run_name(graph, name): record.mlflow_run for name, record in records.items() if record.mlflow_run}
    begun = sorted(reversed(records), key=lambda name: records[name].when)
    pipelines = [name for name in dict.fromkeys(_pipeline(graph, dataset) for dataset in begun) if name]
    nodes = {record.node: record.seconds for record in records.values()}
    times = sorted(record.when for record in records.values())
    yield f"commit  {_listed({record.commit_state for record in records.values()})}"
    if times:
        yield f"when    {times[0]} to {times[-1]}: {len(nodes)} nodes, {sum(nodes.values()):.0f} s"
    machines = (record.machine for record in records.values() if record.machine)
    yield f"on      {_listed({', '.join(f'{what} {name}' for what, name in machine.items()) for machine in machines})}"
    where = "" if graph.env == BASE else f" of environments/{graph.env}/dvc.yaml"
    optional = {graph.places[node].pipeline for node in nodes if graph.places[node].optional}
    unknown = f"; it does not know {', '.join(sorted(optional))}" if optional else ""
    yield f"DVC     {' → '.join(name for name in pipelines if name not in optional)}{where}{unknown}"
    yield from (f"MLflow  {name} [cyan]{run}[/]" for name, run in sorted(runs.items())[:_SHOWN])
    if len(runs) > _SHOWN:
        yield f"        and {len(runs) - _SHOWN} runs more (--full)"


def _verdict(found: Trace) -> Iterator[str]:
    broken = [drift for drifts in found.drifts.values() for drift in drifts]
    if not broken:
        kept = sum(digest is not None for digest in found.digests.values())
        yield f"[green]✓ all {kept} files and folders of the chain are as their records say[/]"
        return
    steps = sum(map(bool, found.drifts.values()))
    yield f"[red]✗ {steps} of {len(found.digests)} steps are not as their records say[/]"
    yield from (f"[red]{escape(line)}[/]" for text in by_command(broken) for line in text.splitlines())


def _checkpoint(dataset: str) -> Label | None:
    """The label of a checkpoint's dataset."""
    head, _, what = dataset.rpartition(".")
    return Label.parse(head) if what == "checkpoint" and arm_and_seed(head.rpartition(".")[0]) else None


def _is_text(graph: Graph, dataset: str) -> bool:
    """Whether it is documents, questions or conversations, whichever pipeline writes them."""
    maker = graph.makers.get(dataset)
    return maker is not None and graph.places[maker.name].group == "synthesis"


def _pipeline(graph: Graph, dataset: str) -> str | None:
    maker = graph.makers.get(dataset)
    return graph.places[maker.name].pipeline if maker else None


def _run_name(graph: Graph, dataset: str) -> str:
    place = graph.places[graph.makers[dataset].name]
    return place.pipeline if place.arm == "-" else f"{place.pipeline} of {place.arm} seed{place.seed}"


def _hashes(found: Trace, names: list[str]) -> str:
    shown = [(found.digests[name] or "missing")[:_DIGITS] for name in names[:_SHOWN]]
    return f"[cyan]{' '.join(shown)}[/]" + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _mark(holds: bool) -> str:
    return "[green]✓[/]" if holds else "[red]✗[/]"


def _listed(values: set[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return escape(", ".join(sorted(values)[:_SHOWN]) + more) if values else "-"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value
