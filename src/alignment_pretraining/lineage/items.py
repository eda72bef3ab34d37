"""`kedro trace item/QUESTION`: each model's answers, the documents made from its scenario, and who read them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.labels import Label
from alignment_pretraining.evaluation.own_suites import COLUMNS
from alignment_pretraining.evaluation.prompts import read_suite
from alignment_pretraining.lineage.drift import Drift, find_drift
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.keys import unknown
from alignment_pretraining.lineage.readings import Readings, read_by
from alignment_pretraining.lineage.records import read_record
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.study import POST_STAGES

# What documents and questions have in common, the closest first.
RELATIONS = ("question_id", "family", "topic")
# Where documents of each generator are checked for what they must not say.
CHECKS = {
    "world": "alignment_pretraining/synthesis/world/checks.py",
    "template": "alignment_pretraining/synthesis/scenarios/leaks.py",
    "anthropic": "alignment_pretraining/synthesis/documents/judge.py",
}


@dataclass(frozen=True)
class Documents:
    """The inserted documents that are closest to a question.

    `relation` is the column that they share with it, None where none shares any; `ids` and `made` (how many there are
    in all) are by source. `check` is the module that refused leaks when they were made, with its hash from the record.
    """

    relation: str | None
    ids: dict[str, list[str]]
    made: dict[str, int]
    check: str | None


@dataclass(frozen=True)
class Item:
    """A question with all that is known of it.

    `answers` has a row a prompt: arm, seed, stage and the columns of `items`. `quoting` counts the documents that have
    a run of words in common with it, by source; `stories` those of the base corpus that tell of its topic.
    """

    question: dict[str, str]
    documents: Documents
    quoting: dict[str, int]
    stories: int | None
    answers: pd.DataFrame
    readings: Readings
    drifts: list[Drift]


def trace_item(graph: Graph, question_id: str) -> Item:
    """All that the study's data says of a question.

    Raises:
        UserError: nothing was asked yet, or there is no such question.
    """
    parameters = Parameters.model_validate(graph.params)
    question = _question(graph, question_id)
    documents = _documents(graph, parameters, question)
    ids = [name for found in documents.ids.values() for name in found]
    readings = read_by(graph, parameters.study, ids)
    answers, asked = _answers(graph, parameters, question_id)
    rests_on = [*asked, *readings.streams, *_tables(parameters), "contamination"]
    drifts = find_drift(graph, [name for name in rests_on if name in graph.makers])
    return Item(question, documents, _quoting(graph, question_id), _stories(graph, question), answers, readings, drifts)


def as_data(item: Item) -> dict[str, Any]:
    """An item as plain data."""
    return {
        "question": item.question,
        "documents": asdict(item.documents),
        "quoting": item.quoting,
        "stories": item.stories,
        "answers": item.answers.to_dict("records"),
        "read": [asdict(reading) for reading in item.readings.found],
        "streams_not_kept": item.readings.missing,
        "matches": not item.drifts,
        "drift": [asdict(drift) for drift in item.drifts],
    }


def questions(graph: Graph) -> dict[str, dict[str, str]]:
    """Every question that there is by its id, those of a user's own suites included.

    Raises:
        UserError: there is none yet.
    """
    made = {"questions", "suite"} & graph.makers.keys()
    if not made or any(graph.digest(name) is None for name in made):
        raise UserError(f"there are no questions yet; make them: {graph.command_for_all}")
    known = graph.catalog.load("questions")[list(COLUMNS)].to_dict("records") if "questions" in made else []
    suites = read_suite(graph.catalog.load("suite"))
    asked = [{**row, "split": split} for split, rows in suites.items() for row in rows]
    return {row["question_id"]: {name: row[name] for name in COLUMNS} for row in [*known, *asked]}


def _question(graph: Graph, question_id: str) -> dict[str, str]:
    known = questions(graph)
    if question_id not in known:
        raise unknown("question", question_id, known)
    return known[question_id]


def _tables(parameters: Parameters) -> dict[str, str]:
    """The source of each table of inserted documents, by its name in the catalog."""
    return {f"documents_{source}": source for source in parameters.synthesis.document_sources}


def _documents(graph: Graph, parameters: Parameters, question: dict[str, str]) -> Documents:
    tables = {
        source: pd.read_parquet(path, columns=["id", *RELATIONS])
        for name, source in _tables(parameters).items()
        if (path := graph.path(name)) and path.is_file()
    }
    made = {source: len(table) for source, table in tables.items()}
    check = leak_check(graph, parameters)
    for relation in RELATIONS:
        ids = {source: list(table.id[table[relation] == question[relation]]) for source, table in tables.items()}
        if any(ids.values()):
            return Documents(relation, {source: found for source, found in ids.items() if found}, made, check)
    return Documents(None, {}, made, check)


def leak_check(graph: Graph, parameters: Parameters) -> str | None:
    """The module that refuses documents that leak, as the record of their maker has it."""
    maker = next((graph.makers[name] for name in _tables(parameters) if name in graph.makers), None)
    record = read_record(graph, maker) if maker else None
    module = CHECKS[parameters.synthesis.generator]
    return f"{module} {record.code[module]}" if record and module in record.code else None


def _quoting(graph: Graph, question_id: str) -> dict[str, int]:
    path = graph.path("contamination")
    if path is None or not path.is_dir():
        return {}
    only = [("question_id", "==", question_id)]
    return {
        folder.name: sum(len(pd.read_parquet(part, columns=["id"], filters=only)) for part in folder.glob("*.parquet"))
        for folder in sorted(path.iterdir())
        if folder.is_dir()
    }


def _stories(graph: Graph, question: dict[str, str]) -> int | None:
    """How many stories of the base corpus tell of the topic; None where the base corpus is no stories."""
    path = graph.path("stories") if "stories" in graph.makers else None
    if path is None or not path.is_file():
        return None
    topics = pd.read_parquet(path, columns=["topics"]).topics
    return int(topics.str.split().map(lambda told: question["topic"] in told).sum())


def _answers(graph: Graph, parameters: Parameters, question_id: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the question in the results of every checkpoint, and the datasets of these, kept or not."""
    parts, datasets = [], []
    for arm, seed, stage, dataset in _checkpoints(parameters):
        datasets.append(dataset)
        path = graph.path(dataset)
        if path and path.is_file():
            rows = pd.read_parquet(path, filters=[("question_id", "==", question_id)])
            parts.append(rows.assign(arm=arm, seed=seed, stage=stage))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["arm", "seed", "stage"])
    return found, list(dict.fromkeys(datasets))


def _checkpoints(parameters: Parameters) -> Iterator[tuple[str, int, str, str]]:
    """Arm, seed and stage of every checkpoint, and the dataset of its answers."""
    seeds = parameters.study.seeds
    for checkpoint in scope_of(parameters.study, parameters.evaluation).checkpoints:
        for seed in seeds.post_training if checkpoint.stage in POST_STAGES else seeds.base:
            label = Label(checkpoint.owner, seed, checkpoint.stage)
            yield checkpoint.arm, seed, checkpoint.stage, label.dataset("items")
    for name, elsewhere in parameters.study.checkpoints.items():
        yield name, 0, "chat" if elsewhere.chat else "base", f"{name}.items"
