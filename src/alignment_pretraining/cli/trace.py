"""`kedro trace`: numbers, questions and documents, followed to what they rest on or to what rests on them."""

import json
import sys
from typing import Any

import click
from kedro.framework.cli.utils import env_option
from kedro.framework.startup import ProjectMetadata

from alignment_pretraining.core.digests import ignore_cache
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.keys import DOCUMENT, ITEM
from alignment_pretraining.lineage.project import project_graph


@click.command()
@env_option
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@click.option("--diff", is_flag=True, help="Where two numbers part: settings, code, libraries, data, machine.")
@click.option("--full", is_flag=True, help="Print all that is known: every step of the history, or every answer.")
@click.option("--verify", is_flag=True, help="Read every file again, and look at DVC's lock file and the report too.")
@click.option("--json", "as_data", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def trace(
    metadata: ProjectMetadata,
    env: str | None,
    keys: tuple[str, ...],
    diff: bool,
    full: bool,
    verify: bool,
    as_data: bool,
) -> None:
    """Follow KEY back to its inputs; exit 1 when one no longer matches.

    KEY is the key or the value of a number in the report's tables, such as rate/…; or item/QUESTION, a question with
    every model's answer; or document/ID, with the checkpoints that read it and the numbers above them.

    With --diff, two numbers; one of another study, commit or machine is FOLDER::KEY, with its project's folder.
    """
    if len(keys) != (2 if diff else 1):
        raise click.UsageError("--diff compares two KEYs; without it, one KEY is traced")
    graph = project_graph(metadata.project_path, env)
    if verify:
        ignore_cache()
    key = keys[0]
    if diff:
        _diff(graph, keys, as_data)
    elif key.startswith(ITEM):
        _item(graph, key.removeprefix(ITEM), full, as_data)
    elif key.startswith(DOCUMENT):
        _document(graph, key.removeprefix(DOCUMENT), full, as_data)
    else:
        _number(graph, key, full, verify, as_data)


def _diff(graph: Graph, keys: tuple[str, ...], as_data: bool) -> None:
    from alignment_pretraining.lineage import diff
    from alignment_pretraining.lineage.diff_story import as_story
    from alignment_pretraining.lineage.history import read_history

    left, right = (read_history(graph, key) for key in keys)
    found = diff.compare(left, right)
    if as_data:
        _print_data(diff.as_data(found))
    else:
        _print(as_story(found))


def _number(graph: Graph, key: str, full: bool, verify: bool, as_data: bool) -> None:
    from alignment_pretraining.lineage import trace as tracing
    from alignment_pretraining.lineage.numbers import find_number
    from alignment_pretraining.lineage.story import as_story
    from alignment_pretraining.lineage.verify import not_in_chain

    found = tracing.trace(graph, find_number(graph, key))
    if as_data:
        _print_data(tracing.as_json(graph, found))
    else:
        _print(tracing.as_tree(graph, found) if full else as_story(graph, found))
    beside = not_in_chain(graph, found) if verify else []
    if beside:
        raise UserError("\n  - ".join(["beside the chain:", *beside]))
    if not found.matches:
        raise UserError(f"{found.number.name} rests on something that changed since (✗ above)")


def _item(graph: Graph, question: str, full: bool, as_data: bool) -> None:
    from alignment_pretraining.lineage import items
    from alignment_pretraining.lineage.item_story import as_story

    item = items.trace_item(graph, question)
    if as_data:
        _print_data(items.as_data(item))
    else:
        _print(as_story(graph, item, full))
    if item.drifts:
        raise UserError(f"{ITEM}{question}: results or texts are not what their records say (✗ above)")


def _document(graph: Graph, wanted: str, full: bool, as_data: bool) -> None:
    from alignment_pretraining.lineage import documents
    from alignment_pretraining.lineage.document_story import as_story

    document = documents.trace_document(graph, wanted)
    if as_data:
        _print_data(documents.as_data(document))
    else:
        _print(as_story(graph, document, full))
    if document.drifts:
        raise UserError(f"{DOCUMENT}{wanted}: texts or streams are not what their records say (✗ above)")


def _print_data(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _print(shown: Any) -> None:
    from rich.console import Console

    # Nothing is cut where it is read by a pager or a program.
    width = None if sys.stdout.isatty() else 1000
    Console(width=width, highlight=False).print(shown, soft_wrap=True)
