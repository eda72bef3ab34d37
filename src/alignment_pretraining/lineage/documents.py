"""`kedro trace document/ID`: the way up from a document, through the steps that read it to the numbers above them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.environments import with_env
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.drift import Drift, find_drift
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.items import RELATIONS, questions
from alignment_pretraining.lineage.readings import Readings, read_by
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.study import STAGES

_CORPUS = "corpus"


@dataclass(frozen=True)
class Above:
    """A number that rests on a checkpoint that read the document: its key, value and row."""

    key: str
    value: float
    row: dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A document of a source, what it is about, who read it, its scenario's question, and the numbers above.

    `about` has the columns of its table beside id and text. `near` are other questions of its topic.
    """

    source: str
    id: str
    text: str
    about: dict[str, str]
    question: dict[str, str] | None
    near: list[str]
    readings: Readings
    rates: list[Above]
    contrasts: list[Above]
    drifts: list[Drift]


def trace_document(graph: Graph, wanted: str) -> Document:
    """The document `ID`, or `SOURCE/ID` where several sources have the id.

    Raises:
        UserError: there is no such document, or there are several.
    """
    parameters = Parameters.model_validate(graph.params)
    row = _row(graph, parameters, wanted)
    source, name, text = (str(row.pop(key)) for key in ("source", "id", "text"))
    about = {key: str(value) for key, value in row.items()}
    asked = questions(graph)
    found = read_by(graph, parameters.study, [name])
    readings = Readings([one for one in found.found if one.source == source], found.streams, found.missing)
    read = {(reading.arm, reading.stage) for reading in readings.found}
    rests_on = [*readings.streams, f"documents_{source}", *(["corpus_documents"] if source == _CORPUS else [])]
    return Document(
        source,
        name,
        text,
        about,
        asked.get(about.get("question_id", "")),
        _near(about, asked),
        readings,
        _above(graph, "rates", "rate", read),
        _above(graph, "contrasts", "value", read),
        find_drift(graph, [name for name in rests_on if name in graph.makers]),
    )


def as_data(document: Document) -> dict[str, Any]:
    """A document as plain data."""
    return {
        **{key: getattr(document, key) for key in ("source", "id", "text", "about", "question", "near")},
        "read": [asdict(reading) for reading in document.readings.found],
        "streams_not_kept": document.readings.missing,
        "rates": {above.key: above.value for above in document.rates},
        "contrasts": {above.key: above.value for above in document.contrasts},
        "matches": not document.drifts,
        "drift": [asdict(drift) for drift in document.drifts],
    }


def _row(graph: Graph, parameters: Parameters, wanted: str) -> dict[str, Any]:
    head, _, tail = wanted.partition("/")
    tables = dict(_tables(graph, parameters))
    if not tables:
        raise UserError(f"there are no documents yet; make them: {graph.command_for_all}")
    found = [row for source, files in tables.items() for row in _rows(source, files, wanted)]
    if not found and head in tables:
        found = list(_rows(head, tables[head], tail))
    if not found:
        raise UserError(
            f"no document {wanted!r} in {', '.join(tables)}; a stream's ids: "
            f"{with_env('kedro inspect', graph.env)} ARM STAGE"
        )
    if len(found) > 1:
        names = "\n  ".join(f"document/{row['source']}/{row['id']}" for row in found)
        raise UserError(f"{len(found)} documents have the id {wanted}; name one with its source:\n  {names}")
    return found[0]


def _tables(graph: Graph, parameters: Parameters) -> Iterator[tuple[str, list[Path]]]:
    """The files of each source, by the name that streams have for it."""
    datasets = {source: f"documents_{source}" for source in parameters.synthesis.document_sources}
    for source, dataset in {**datasets, "mcqa": "mcqa", _CORPUS: "corpus_documents"}.items():
        path = graph.path(dataset)
        if path and path.exists():
            yield source, sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def _rows(source: str, files: list[Path], name: str) -> Iterator[dict[str, Any]]:
    for file in files:
        found = pd.read_parquet(file, filters=[("id", "==", name)])
        # A document of the corpus names the file or package from which it was read as its source.
        for row in found.rename(columns={"source": "from"}).to_dict("records"):
            yield {"source": source, **{str(column): value for column, value in row.items()}}


def _near(about: dict[str, str], asked: dict[str, dict[str, str]]) -> list[str]:
    """Other questions that share the closest thing that any shares with the document."""
    others = {name: row for name, row in asked.items() if name != about.get("question_id")}
    for relation in RELATIONS[1:]:
        near = [name for name, row in others.items() if relation in about and row[relation] == about[relation]]
        if near:
            return near
    return []


def _above(graph: Graph, table: str, column: str, read: set[tuple[str, str]]) -> list[Above]:
    """Rows about an arm at a stage at which its model had read the document."""
    if table not in graph.makers or graph.digest(table) is None:
        return []
    since: dict[str, int] = {}
    for arm, stage in read:
        since[arm] = min(since.get(arm, len(STAGES)), STAGES.index(stage))

    def rests(arm: Any, stage: Any) -> bool:
        return arm in since and STAGES.index(stage) >= since[arm]

    return [
        Above(row["key"], row[column], row)
        for row in graph.catalog.load(table).to_dict("records")
        if rests(row["arm"], row["stage"]) or ("reference" in row and rests(row["reference"], row["reference_stage"]))
    ]
