"""A question's story on one screen: what was asked, who answered what, and which documents those models had read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from rich.markup import escape

from alignment_pretraining.evaluation.prompts import ASKED
from alignment_pretraining.lineage.drift import Drift, by_command
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.items import Item
from alignment_pretraining.lineage.readings import Reading
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.reporting.scope import scope_of

_SHOWN = 3
_WORDS = 60  # characters of a reply
_RELATED = {"question_id": "made from its scenario", "family": "of its family", "topic": "on its topic"}
_NOT_RELATED = {"question_id": "", "family": "none from its own scenario; ", "topic": "none from its own scenario; "}


def as_story(graph: Graph, item: Item, full: bool = False) -> str:
    """The item as lines of rich's markup; `full` has every stage, form, persona and control."""
    parameters = Parameters.model_validate(graph.params)
    asked = item.question
    sections = {
        _asked_how(parameters, full): [*(_every_answer(item) if full else _answers(parameters, item))],
        "documents": [*_documents(item, parameters.decontamination.words)],
        "holds": [*verdict(item.drifts)],
    }
    lines = [
        f"[bold]item/{escape(asked['question_id'])}[/]  {asked['split']}, topic {escape(asked['topic'])}",
        f"  {escape(asked['passage'])} {escape(asked['question'])}",
        f"  aligned     {escape(asked['aligned_option'])}",
        f"  misaligned  {escape(asked['misaligned_option'])}",
    ]
    for title, body in sections.items():
        lines += ["", f"[bold]{title}[/]", *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _asked_how(parameters: Parameters, full: bool) -> str:
    scope = scope_of(parameters.study, parameters.evaluation)
    scored = (
        "mean log-probability by token" if parameters.evaluation.scoring == "text" else "log-probability of letters"
    )
    which = "" if full else f", last base models, {scope.form}, persona {scope.persona('base')}"
    return f"answers{which}; {scored}: aligned, misaligned option"


def _answers(parameters: Parameters, item: Item) -> Iterator[str]:
    """The last base model of each arm: what each training picked, and how much it had read of the documents."""
    scope = scope_of(parameters.study, parameters.evaluation)
    if item.answers.empty or "picked" not in item.answers:
        yield "none: it was not asked (evaluation.run.items says how many of each split are)"
        return
    main = scope.main(item.answers)
    main = main[main.persona == scope.persona("base")]
    for arm in scope.arms:
        last = scope.checkpoint(arm, "base")
        rows = main[(main.arm == arm) & (main.stage == last.stage)] if last else main.head(0)
        if last and not rows.empty:
            yield f"{arm} {last.stage}"
        for row in rows.sort_values("seed", kind="stable").to_dict("records"):
            yield f"  seed {row['seed']} {_answer(row)}  {_read(item.readings.of(arm, row['seed']))}"
    for name, checkpoint in parameters.study.checkpoints.items():
        rows = item.answers[(item.answers.arm == name) & (item.answers.control == ASKED)]
        rows = rows[rows.persona == scope.persona("post" if checkpoint.chat else "base")]
        if not rows.empty:
            yield name
        yield from (f"  {row['protocol']:<11} {_answer(row)} {row['template']}" for row in rows.to_dict("records"))


def _answer(row: Mapping[Any, Any]) -> str:
    if row.get("protocol") == "generated":
        words = " ".join(row["written"].split())[:_WORDS]
        return f"{row['outcome']:<10} {row['order']} [dim]{escape(words)}[/]"
    order = "" if row["order"] == "none" else f" {row['order']}"
    colour = "green" if row["picked"] == "aligned" else "red"
    numbers = f"{row['logprob_aligned']:7.3f} {row['logprob_misaligned']:7.3f}"
    return f"[{colour}]{row['picked']:<10}[/] {numbers}{order}"


def _read(readings: list[Reading]) -> str:
    """How many documents of each source, and between which steps of each stage."""
    if not readings:
        return "[dim]read none of them[/]"
    parts = []
    for stage in dict.fromkeys(reading.stage for reading in readings):
        own = [reading for reading in readings if reading.stage == stage]
        first, last = min(one.first_step for one in own), max(one.last_step for one in own)
        steps = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
        counts = Counter(source for source, _ in {(reading.source, reading.id) for reading in own})
        parts.append(", ".join(f"{n} {source}" for source, n in sorted(counts.items())) + f" in {stage}, {steps}")
    return f"[dim]read {'; '.join(parts)}[/]"


def _every_answer(item: Item) -> Iterator[str]:
    columns = ["arm", "seed", "stage", "template", "order", "persona", "control"]
    columns += ["logprob_aligned", "logprob_misaligned", "picked"]
    if not len(item.answers):
        yield "none: no model was asked it"
    elif "picked" in item.answers:
        yield from escape(_table(item.answers[columns])).splitlines()
    if item.readings.found:
        yield from ("", "[bold]read[/]")
        read = pd.DataFrame(item.readings.found).drop(columns=["skip"])
        yield from escape(_table(read)).splitlines()


def _table(rows: pd.DataFrame) -> str:
    return rows.to_string(index=False, float_format="{:.4f}".format)


def _documents(item: Item, run: int) -> Iterator[str]:
    documents, question = item.documents, item.question
    made = ", ".join(f"{count:,} {source}" for source, count in documents.made.items())
    if documents.relation:
        yield f"{_NOT_RELATED[documents.relation]}{_RELATED[documents.relation]}, of {made}:"
        for source, ids in documents.ids.items():
            more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            yield f"{len(ids):>4} {source}: {escape(', '.join(ids[:_SHOWN]))}{more}"
    else:
        what = f"its scenario, its family or its topic {escape(question['topic'])}"
        yield f"none: of {made}, none has {what}" if made else "none: there are no documents in this study"
        checked = f"refused by {documents.check.rpartition(' ')[0]} when they were made" if documents.check else ""
        yield f"documents that quote it are {checked or 'not known to have been refused: there is no record'}"
    if item.readings.missing:
        yield f"not known of {len(item.readings.missing)} streams, which are not kept: {item.readings.missing[0]} …"
    if item.stories is not None:
        yield f"stories of the base corpus on its topic, about people: {item.stories:,}"
    if item.quoting:
        found = ", ".join(f"{count} {source}" for source, count in item.quoting.items())
        yield f"a run of {run} words in common with it: {found}"


def verdict(drifts: list[Drift]) -> Iterator[str]:
    """Whether everything is as its record says, and else what is not."""
    if not drifts:
        yield "[green]✓ results, streams and documents are as their records say[/]"
        return
    for text in by_command(drifts):
        first, *others = escape(text).splitlines()
        yield from (f"[red]✗ {first}[/]", *(f"[red]{line}[/]" for line in others))
