"""What kedro-viz draws: the pipelines without scratch space, and, from the records, what has run and what was made."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol
from kedro.pipeline import Node, Pipeline, node

from alignment_pretraining.core.digests import use_cache
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.lineage.drift import up_to_date
from alignment_pretraining.lineage.graph import Graph, GraphNode, is_parameter
from alignment_pretraining.lineage.project import datasets_of
from alignment_pretraining.lineage.records import Record, read_record

_FOLDER = ".viz"


def as_drawn(context: KedroContext, pipelines: Mapping[str, Pipeline]) -> dict[str, Pipeline]:
    """The pipelines as kedro-viz is to show them; it reads what ran from files in `.viz`, which are written here."""
    use_cache(context.project_path / ".cache")
    catalog = datasets_of(context)  # the context's own has parameters, which are checked against the pipelines
    params = context.config_loader["parameters"]
    graph = Graph(context.project_path, pipelines, catalog, params, context.env)
    nodes = {made.name: made for pipeline in pipelines.values() for made in pipeline.nodes}
    drawn = {name: _without_scratch(made, catalog) for name, made in nodes.items()}
    folder = context.project_path / _FOLDER
    stats = {name: found for name in graph.makers if (found := _stats(graph, name))}
    write_text(folder / "stats.json", json.dumps(stats))
    write_text(folder / "kedro_pipeline_events.json", json.dumps(list(_events(graph, pipelines["__default__"], drawn))))
    return {name: Pipeline([drawn[made.name] for made in pipeline.nodes]) for name, pipeline in pipelines.items()}


def _without_scratch(made: Node, catalog: CatalogProtocol[Any, Any]) -> Node:
    """The node without inputs that hold no data for the next one. It is drawn, never run."""
    inputs = [name for name in made.inputs if is_parameter(name) or hasattr(catalog.get(name), "_filepath")]
    return node(
        _any_arguments(made.func), inputs, made.outputs, name=made.short_name, namespace=made.namespace, tags=made.tags
    )


def _any_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for a drawing: its code is shown, and inputs may be missing."""

    @wraps(function)
    def shown(*args: Any) -> Any:
        return function(*args)

    shown.__signature__ = Signature([Parameter("args", Parameter.VAR_POSITIONAL)])  # type: ignore[attr-defined]
    return shown


def _events(graph: Graph, whole: Pipeline, drawn: Mapping[str, Node]) -> Iterator[dict[str, Any]]:
    """Nodes that are up to date as events of a run: the form in which kedro-viz reads states, times and sizes."""
    from kedro_viz.integrations.kedro.hooks_utils import hash_node

    finished = up_to_date(graph, whole)
    records = {name: record for name in finished if (record := _record(graph, graph.nodes[name]))}
    if not records:
        return
    # As if they had run one after the other: they may have been made weeks apart.
    end = max(datetime.fromisoformat(record.when) for record in records.values())
    begin = end - timedelta(seconds=sum(record.seconds for record in records.values()))
    yield {"event": "before_pipeline_run", "timestamp": begin.isoformat()}
    for name, record in records.items():
        made = {"node": name, "node_id": hash_node(drawn[name]), "duration": record.seconds, "status": "success"}
        yield {"event": "after_node_run", **made}
        for dataset in graph.persisted(drawn[name].outputs):
            told = {"dataset": dataset, "node_id": hash_node(dataset), "size": _size(graph, dataset)}
            yield {"event": "after_dataset_saved", "status": "Available", **told}
    yield {"event": "after_pipeline_run", "timestamp": end.isoformat()}


def _record(graph: Graph, made: GraphNode) -> Record | None:
    try:
        return read_record(graph, made)
    except UserError:
        return None


def _size(graph: Graph, dataset: str) -> int:
    """Bytes of a file or of all files of a folder."""
    path = graph.path(dataset)
    files = [path] if path and path.is_file() else path.rglob("*") if path else []
    return sum(file.stat().st_size for file in files if file.is_file())


def _stats(graph: Graph, dataset: str) -> dict[str, int] | None:
    """Rows and columns of a table, and its size, as kedro-viz names them; None where nothing lies."""
    path = graph.path(dataset)
    if path is None or not path.exists():
        return None
    return {**_shape(path), "file_size": _size(graph, dataset)}


def _shape(path: Path) -> dict[str, int]:
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_metadata

        told = read_metadata(path)
        return {"rows": told.num_rows, "columns": told.num_columns}
    if path.suffix == ".csv":
        import csv

        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            head = next(lines, [])
            return {"rows": sum(1 for _ in lines), "columns": len(head)}
    return {}
