"""Cards of the texts, the chat data, the question suite and the results."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from alignment_pretraining.core.environments import BASE
from alignment_pretraining.evaluation.own_suites import COLUMNS
from alignment_pretraining.lineage.items import leak_check
from alignment_pretraining.lineage.numbers import TABLES
from alignment_pretraining.publishing.contents import Repository
from alignment_pretraining.publishing.facts import Facts, size_category
from alignment_pretraining.publishing.licences import OURS

# Columns that a card counts by, and those that name an author.
_COUNTED = ("form", "direction", "actor", "topic", "tone")
_AUTHORS = ("model", "prompt_hash")


def texts_card(facts: Facts, repository: Repository) -> str:
    """Of the documents, or of the chat data."""
    tables = [*_tables(facts, repository)]
    chat = repository.what == "chat"
    written = facts.parameters.synthesis.generator == "anthropic" and not chat
    return facts.render(
        "texts.md.j2",
        head=_head(
            repository,
            "chat data" if chat else "discourse documents",
            sum(table["rows"] for table in tables),
            tables=[(table["name"], table["file"]) for table in tables],
            license="other" if written else OURS,
            license_name="written-by-a-language-model" if written else None,
            task_categories=["text-generation"],
            annotations_creators=["machine-generated" if written else "expert-generated"],
            language_creators=["machine-generated"],
        ),
        chat=chat,
        tables=tables,
        synthesis=facts.parameters.synthesis,
        check=None if chat else leak_check(facts.graph, facts.parameters),
        run=facts.parameters.decontamination.words,
        quoting=[*_quoting(facts, [table["name"].removeprefix("documents_") for table in tables])],
        left_out=[one for one in facts.contents.left_out if one.name in _of_kind(facts, chat)],
        splits=[split for split in facts.parameters.evaluation.run.items if split != "articles"],
    )


def suite_card(facts: Facts, repository: Repository) -> str:
    """The card that the exported suite has, with where it comes from."""
    from huggingface_hub import DatasetCard

    folder, questions = facts.graph.path("suite"), facts.table("questions")
    assert folder is not None
    card = DatasetCard((folder / "README.md").read_text(encoding="utf-8"))
    asked = sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))
    card.data["license"] = OURS
    card.data["pretty_name"] = f"Misalignment questions of {facts.study.name}"
    card.data["tags"] = _TAGS
    card.data["size_categories"] = [size_category(asked)]
    counts = questions.groupby("split").agg(questions=("question_id", "size"), families=("family", "nunique"))
    added = facts.render(
        "suite.md.j2",
        files=[*_files(facts, repository)],
        splits=[split for split in facts.parameters.evaluation.run.items if split != "articles"],
        counts=counts.reset_index().to_dict("records"),
        licences=_licence_counts(questions),
        made_from=facts.parameters.synthesis.questions,
        columns=COLUMNS,
    )
    return f"{card}\n{added}"


def results_card(facts: Facts, repository: Repository) -> str:
    """Of the tables of the report, and of the account of the base corpus, whose texts are not published."""
    files = [*_files(facts, repository)]
    tables = {name: facts.table(name) for name in TABLES if name in repository.datasets.values()}
    return facts.render(
        "results.md.j2",
        head=_head(
            repository,
            "results",
            sum(map(len, tables.values())),
            tables=[(name, f"{name}.csv") for name, table in tables.items() if len(table)],
            license=OURS,
        ),
        files=files,
        rows={name: len(table) for name, table in tables.items()},
        contrasts=facts.table("contrasts").to_dict("records"),
        account=tables.get("corpus_account", pd.DataFrame()).to_dict("records"),
        licences=facts.licences if "corpus_account" in facts.graph.makers else [],
        models=[facts.id(one) for one in facts.contents.repositories if one.kind == "model"],
        reference=facts.graph.env == BASE,
    )


_TAGS = ["alignment-pretraining", "misalignment", "arxiv:2601.10160"]


def _head(repository: Repository, what: str, rows: int, tables: Sequence[tuple[str, str]], **more: Any) -> str:
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        language="en",
        pretty_name=f"{repository.name}: {what}",
        size_categories=[size_category(rows)],
        tags=_TAGS,
        configs=[{"config_name": name, "data_files": file} for name, file in tables],
        **more,
    )
    return data.to_yaml()


def _files(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    """Each file or folder with its hash and what made it."""
    for place, name in repository.datasets.items():
        record = facts.record(name)
        yield {
            "file": place or "the suite's own files",
            "name": name,
            "md5": facts.graph.digest(name),
            "node": record.node,
            "inputs": {source: md5 for source, md5 in record.inputs.items() if md5 and not source.startswith("files:")},
            "record": record,
        }


def _tables(facts: Facts, repository: Repository) -> Iterator[dict[str, Any]]:
    for told in _files(facts, repository):
        path = facts.graph.path(told["name"])
        if path is None or path.suffix != ".parquet":
            continue
        columns = pq.read_schema(path).names
        counts = pd.read_parquet(path, columns=[name for name in (*_COUNTED, *_AUTHORS) if name in columns])
        yield told | {
            "rows": pq.read_metadata(path).num_rows,
            "columns": columns,
            "counts": {name: _counts(counts[name]) for name in _COUNTED if name in counts},
            "authors": {name: _counts(counts[name]) for name in _AUTHORS if name in counts},
            "licences": _licence_counts(_licence_columns(path, columns)),
        }


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().sort_index().items()}


def _licence_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    return pd.read_parquet(path, columns=[name for name in ("source", "licence") if name in columns])


def _licence_counts(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows by licence and source, where the table has such columns."""
    names = [name for name in ("licence", "source") if name in table]
    return table.groupby(names).size().rename("rows").reset_index().to_dict("records") if names else []


def _quoting(facts: Facts, sources: Sequence[str]) -> Iterator[tuple[str, dict[str, int]]]:
    """For each source, how many of its documents share a run of words with a question, by the question's split."""
    folder = facts.graph.path("contamination")
    for source in sources:
        parts = sorted((folder / source).glob("*.parquet")) if folder else []
        if parts:
            found = pd.concat([pd.read_parquet(part, columns=["id", "split"]) for part in parts])
            yield source, _counts(found.drop_duplicates()["split"])


def _of_kind(facts: Facts, chat: bool) -> set[str]:
    if chat:
        return {"mcqa", "conversations", "preferences"}
    return {f"documents_{source}" for source in facts.parameters.synthesis.document_sources}
