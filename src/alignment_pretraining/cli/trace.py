"""`kedro trace`: numbers, questions and documents, followed to what they rest on or to what rests on them."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.utils import env_option
from kedro.framework.startup import ProjectMetadata

from alignment_pretraining.cli.completion import complete_key
from alignment_pretraining.core.digests import ignore_cache
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import write_text
from alignment_pretraining.lineage.drift import Drift
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.kept_graph import kept_graph
from alignment_pretraining.lineage.keys import DOCUMENT, ITEM

_NO_END = 1_000_000  # characters of a line

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@env_option
@click.argument("keys", nargs=-1, required=True, metavar="KEY…", shell_complete=complete_key)
@click.option("--diff", is_flag=True, help="Where two numbers part: settings, code, libraries, data, machine.")
@click.option("--full", is_flag=True, help="Print all that is known: every step of the history, or every answer.")
@click.option("--verify", is_flag=True, help="Read every file again, and look at DVC's lock file and the report too.")
@click.option("--json", "as_data", is_flag=True, help="Print it as JSON.")
@click.option("--mermaid", is_flag=True, help="Print a number's history as a Mermaid diagram.")
@click.option("--html", type=_FILE, help="Write a number's story and history to FILE, one page to open step by step.")
@click.pass_obj
def trace(
    metadata: ProjectMetadata,
    env: str | None,
    keys: tuple[str, ...],
    diff: bool,
    full: bool,
    verify: bool,
    as_data: bool,
    mermaid: bool,
    html: Path | None,
) -> None:
    """Follow KEY back to its inputs; exit 1 when one no longer matches.

    KEY is the key or the value of a number in the report's tables, such as rate/…; or item/QUESTION, a question with
    every model's answer; or document/ID, with the checkpoints that read it and the numbers above them.

    With --diff, two numbers; one of another study, commit or machine is FOLDER::KEY, with its project's folder.
    """
    if len(keys) != (2 if diff else 1):
        raise click.UsageError("--diff compares two KEYs; without it, one KEY is traced")
    key = keys[0]
    if (mermaid or html) and (diff or key.startswith((ITEM, DOCUMENT))):
        raise click.UsageError("--mermaid and --html are of the history of one number")
    graph = kept_graph(metadata.project_path, env)
    if verify:
        ignore_cache()
    if diff:
        _diff(graph, keys, as_data)
    elif key.startswith(ITEM):
        _item(graph, key.removeprefix(ITEM), full, verify, as_data)
    elif key.startswith(DOCUMENT):
        _document(graph, key.removeprefix(DOCUMENT), full, verify, as_data)
    else:
        form = "json" if as_data else "mermaid" if mermaid else "full" if full else "story"
        _number(graph, key, form, html, verify)


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


def _number(graph: Graph, key: str, form: str, html: Path | None, verify: bool) -> None:
    from alignment_pretraining.lineage import trace as tracing
    from alignment_pretraining.lineage.numbers import find_number
    from alignment_pretraining.lineage.story import as_story

    found = tracing.trace(graph, find_number(graph, key, every=form == "full"))
    if html:
        _write_page(graph, found, html)
    elif form == "json":
        _print_data(tracing.as_json(graph, found))
    elif form == "mermaid":
        from alignment_pretraining.lineage.diagram import as_mermaid

        click.echo(as_mermaid(graph, found))
    else:
        _print(tracing.as_tree(graph, found) if form == "full" else as_story(graph, found))
    if verify:
        from alignment_pretraining.lineage.verify import not_in_chain

        _refuse(not_in_chain(graph, found))
    if not found.matches:
        raise UserError(f"{found.number.name} rests on something that changed since (✗ above)")


def _write_page(graph: Graph, found: Any, file: Path) -> None:
    from alignment_pretraining.lineage.page import as_html

    if not file.parent.is_dir():
        raise UserError(f"{file.parent}: no such folder; make it, or write the page elsewhere")
    write_text(file, as_html(graph, found))
    click.echo(f"wrote {file}")


def _item(graph: Graph, question: str, full: bool, verify: bool, as_data: bool) -> None:
    from alignment_pretraining.lineage import items
    from alignment_pretraining.lineage.item_story import as_story

    item = items.trace_item(graph, question)
    if as_data:
        _print_data(items.as_data(item))
    else:
        _print(as_story(graph, item, full))
    _judge(graph, item.drifts, f"{ITEM}{question}: results or texts", verify)


def _document(graph: Graph, wanted: str, full: bool, verify: bool, as_data: bool) -> None:
    from alignment_pretraining.lineage import documents
    from alignment_pretraining.lineage.document_story import as_story

    document = documents.trace_document(graph, wanted)
    if as_data:
        _print_data(documents.as_data(document))
    else:
        _print(as_story(graph, document, full))
    _judge(graph, document.drifts, f"{DOCUMENT}{wanted}: texts or streams", verify)


def _judge(graph: Graph, drifts: list[Drift], what: str, verify: bool) -> None:
    from alignment_pretraining.lineage.verify import dvc_changes

    _refuse([*dvc_changes(graph)] if verify else [])
    if drifts:
        raise UserError(f"{what} are not what their records say (✗ above)")


def _refuse(beside: list[str]) -> None:
    if beside:
        raise UserError("\n  - ".join(["beside the chain:", *beside]))


def _print_data(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _print(shown: Any) -> None:
    from rich.console import Console

    # Nothing is cut where it is read by a pager or a program.
    width = None if sys.stdout.isatty() else _NO_END
    Console(width=width, highlight=False).print(shown, soft_wrap=True)
