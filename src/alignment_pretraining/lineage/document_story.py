"""A document's story on one screen: what it says, who read it and when, and which numbers stand above."""

from collections.abc import Iterator

from rich.markup import escape

from alignment_pretraining.lineage.documents import Above, Document
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.item_story import verdict
from alignment_pretraining.lineage.readings import Reading
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.reporting.scope import scope_of

_SHOWN = 4
_CHARACTERS = 600


def as_story(graph: Graph, document: Document, full: bool = False) -> str:
    """The document as lines of rich's markup; `full` has its whole text and every number above it."""
    parameters = Parameters.model_validate(graph.params)
    text = document.text if full or len(document.text) <= _CHARACTERS else f"{document.text[:_CHARACTERS]} … (--full)"
    about = ", ".join(f"{key} {value}" for key, value in document.about.items() if key != "question_id")
    lines = [f"[bold]document/{escape(document.id)}[/]  {document.source}{escape(f', {about}' if about else '')}"]
    lines += [f"  {escape(line)}" for line in text.splitlines()]
    sections = {
        "read by": _readers(parameters, document),
        "questions": _questions(document),
        "numbers above": _numbers(parameters, document, full),
        "holds": verdict(document.drifts),
    }
    for title, body in sections.items():
        lines += ["", f"[bold]{title}[/]", *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _readers(parameters: Parameters, document: Document) -> Iterator[str]:
    study = parameters.study
    others = []
    for arm in study.selected_arms():
        own = [reading for reading in document.readings.found if reading.arm == arm]
        if not own:
            others.append(arm)
        for stage in dict.fromkeys(reading.stage for reading in own):
            trained = getattr(study.stages, stage)
            seeds = [f"seed {seed}{_steps(of)}" for seed in study.seeds.base if (of := _of(own, seed, stage))]
            more = f", and {len(seeds) - _SHOWN} seeds more (--json)" if len(seeds) > _SHOWN else ""
            owner = study.stage_run(arm, stage).arm
            shared = "" if owner == arm else f" [dim](trained as {owner})[/]"
            yield f"{arm} {stage}, of {trained.steps:,} steps: {'; '.join(seeds[:_SHOWN])}{more}{shared}"
    if others:
        yield f"not by {', '.join(others)}"
    if document.readings.missing:
        yield f"not known of {len(document.readings.missing)} streams, which are not kept"


def _of(readings: list[Reading], seed: int, stage: str) -> list[Reading]:
    return [reading for reading in readings if (reading.seed, reading.stage) == (seed, stage)]


def _steps(readings: list[Reading]) -> str:
    spans = [
        f"step {one.first_step:,}" + (f" to {one.last_step:,}" if one.last_step > one.first_step else "")
        for one in readings[:_SHOWN]
    ]
    more = f" and {len(readings) - _SHOWN} times more" if len(readings) > _SHOWN else ""
    return f" {', '.join(spans)}{more} (token {readings[0].start:,})"


def _questions(document: Document) -> Iterator[str]:
    if document.question:
        yield f"its scenario: item/{escape(document.question['question_id'])} ({document.question['split']})"
    if document.near:
        more = f" and {len(document.near) - _SHOWN} more" if len(document.near) > _SHOWN else ""
        yield f"near it: {escape(', '.join(f'item/{name}' for name in document.near[:_SHOWN]))}{more}"
    if not document.question and not document.near:
        yield "none: it was made from no scenario"


def _numbers(parameters: Parameters, document: Document, full: bool) -> Iterator[str]:
    scope = scope_of(parameters.study, parameters.evaluation)
    last = {arm: point.stage for arm in scope.arms if (point := scope.checkpoint(arm, "base"))}

    def is_main(row: Above) -> bool:
        asked = (row.row["form"], row.row["persona"]) == (scope.form, scope.persona("base"))
        return asked and last[row.row["arm"]] == row.row["stage"]

    shown = [*document.contrasts, *(row for row in document.rates if full or is_main(row))]
    yield from (f"{escape(above.key)} = {above.value:.4g}" for above in shown)
    rest = len(document.contrasts) + len(document.rates) - len(shown)
    if rest:
        yield f"and {rest:,} rates more: other stages, forms and personas of these arms (--full)"
    if not shown:
        yield "none: no model of the study read it, or there are no results yet"
