"""Keys that the shell completes after `kedro trace`, read without building the pipelines: nobody waits for Tab."""

import csv
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from alignment_pretraining.core.environments import data_folder
from alignment_pretraining.lineage.keys import ITEM


def complete_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Keys and questions that begin with `incomplete`, of the environment that the command line names."""
    root = getattr(context.obj, "project_path", None) or Path.cwd()
    data = root / data_folder(context.params.get("env"))
    names = _questions(data) if incomplete.startswith(ITEM) else _keys(data)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _keys(data: Path) -> Iterator[str]:
    yield ITEM
    for table in sorted(data.glob("08_reporting/*.csv")):
        with table.open(newline="", encoding="utf-8") as file:
            yield from (row["key"] for row in csv.DictReader(file) if "key" in row)


def _questions(data: Path) -> Iterator[str]:
    import json

    for suite in sorted(data.glob("05_model_input/suite/*.jsonl")):
        with suite.open(encoding="utf-8") as file:
            yield from (ITEM + json.loads(line)["question_id"] for line in file)
