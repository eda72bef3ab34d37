"""What `kedro trace --verify` looks at beside a number's chain: the report's rest, commits, and DVC's lock file."""

from collections.abc import Iterator

import yaml

from alignment_pretraining.core.environments import BASE, environment_folder
from alignment_pretraining.core.hashing import dvc_hash
from alignment_pretraining.lineage.commits import commit_changes
from alignment_pretraining.lineage.drift import by_command, find_drift
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.trace import Trace


def not_in_chain(graph: Graph, found: Trace) -> list[str]:
    """What does not hold of the number's own pipeline's outputs, of the chain's commits, and of what DVC made."""
    pipeline = graph.places[graph.makers[found.number.table].name].pipeline
    outputs = [name for name, node in graph.makers.items() if graph.places[node.name].pipeline == pipeline]
    known = {drift for drifts in found.drifts.values() for drift in drifts}
    drifts = [drift for drift in find_drift(graph, graph.persisted(outputs)) if drift not in known]
    records = {record.node: record for record in found.records.values() if record}
    return [*by_command(drifts), *commit_changes(graph, records.values()), *dvc_changes(graph)]


def dvc_changes(graph: Graph) -> Iterator[str]:
    """Outputs that are not what `dvc.lock` says of them; nothing where DVC made nothing."""
    path = graph.root / environment_folder(graph.env) / "dvc.lock"
    if not path.is_file():
        return
    where = path.relative_to(graph.root)
    again = "dvc repro" if graph.env == BASE else f"dvc repro {where.with_name('dvc.yaml')}"
    for stage, locked in yaml.safe_load(path.read_text()).get("stages", {}).items():
        for out in locked.get("outs", []):
            made = graph.root / out["path"]
            if not made.exists():
                yield f"{where}, stage {stage}: there is nothing at {out['path']} ({again})"
            elif dvc_hash(made) != out["md5"]:
                yield f"{where}, stage {stage}: {out['path']} is not what DVC made ({again} takes it over)"
