"""From answers to documents: judged, without copies, in whole pairs, family by family."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.execution.workers import map_in_workers
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.duplicates import Seen
from alignment_pretraining.synthesis.documents.from_bank import DIRECTIONS
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.opinions import Opinions, Written, asked_for_opinions
from alignment_pretraining.synthesis.documents.outcomes import KEPT, SCHEMA, Outcomes, Row
from alignment_pretraining.synthesis.documents.prompts import DocumentPrompts
from alignment_pretraining.synthesis.documents.quality import Quality
from alignment_pretraining.synthesis.documents.requests import DocumentsConfig, PlannedDocument, families, pairs

Judged = tuple[Outcomes, Quality]


def judge_families(
    questions: pd.DataFrame, prompts: DocumentPrompts, config: DocumentsConfig, answers: Path, replacements: int
) -> Iterator[Judged]:
    """The outcomes of each family of `questions` and their quality, on every core.

    Every request must have its answer in the store.
    """
    judge = Judge(questions, config.min_words)
    work = partial(
        judge_family, prompts=prompts, config=config, answers=answers, judge=judge, replacements=replacements
    )
    yield from map_in_workers(work, families(questions))


def judge_family(
    questions: pd.DataFrame,
    prompts: DocumentPrompts,
    config: DocumentsConfig,
    answers: Path,
    judge: Judge,
    replacements: int,
) -> Judged:
    """Judge the documents of one family. A pair is kept whole or not at all.

    Copies are looked for within a family and direction: elsewhere the situations differ, and memory stays bounded.
    """
    asked = list(pairs(questions, prompts, config))
    with closing(Store(answers)) as store:
        found = find_answers([job.request for pair in asked for job in pair], store.find, replacements)
        written = [[(planned, found[planned.request.key]) for planned in pair] for pair in asked]
        opinions = asked_for_opinions(prompts, config, store.find, replacements)
        against = [_reasons_against(pair, judge, opinions) for pair in written]
    seen = {direction: Seen(config.near_duplicate) for direction in DIRECTIONS}
    result = Outcomes()
    for pair, reasons in zip(written, against, strict=True):
        if not any(reasons):
            reasons = [
                "near_duplicate" if seen[planned.direction].is_copy(answer.text) else None for planned, answer in pair
            ]
        for (planned, answer), reason in zip(pair, reasons, strict=True):
            outcome = reason or ("partner_rejected" if any(reasons) else KEPT)
            result.outcomes[planned.form, planned.direction, outcome] += 1
            if outcome == KEPT:
                result.rows[planned.direction].append(_row(planned, answer))
    quality = Quality()
    quality.add(result)
    return result, quality


def _reasons_against(pair: list[Written], judge: Judge, opinions: Opinions | None) -> list[str | None]:
    reasons = [judge.reason_against(answer) for _, answer in pair]
    return opinions.reasons_against(pair) if opinions and not any(reasons) else reasons


def write_tables(judged: Iterator[Judged], folder: Path) -> Quality:
    """Write each direction's rows to `<direction>.parquet` under `folder`; row i of both is one pair. The quality of
    all."""
    total = Quality()
    with table_writers(folder, SCHEMA) as writers:
        for family, quality in judged:
            for direction, rows in family.rows.items():
                writers[direction].write_table(pa.Table.from_arrays(_arrays(rows), schema=SCHEMA))
            total += quality
    return total


@contextmanager
def table_writers(folder: Path, schema: pa.Schema) -> Iterator[dict[str, pq.ParquetWriter]]:
    """A writer of `<direction>.parquet` under `folder`, by direction."""
    with ExitStack() as stack:
        yield {
            direction: stack.enter_context(pq.ParquetWriter(folder / f"{direction}.parquet", schema))
            for direction in DIRECTIONS
        }


def _row(planned: PlannedDocument, answer: Answer) -> Row:
    about = (
        planned.id,
        answer.text,
        planned.question_id,
        planned.family,
        planned.topic,
        planned.form,
        planned.direction,
        planned.source,
        planned.licence,
    )
    made_by = (answer.model, planned.prompt_hash, answer.key, answer.id)
    return (*about, *made_by, answer.output_tokens, answer.usd)


def _arrays(rows: list[Row]) -> list[pa.Array]:
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    return [pa.array(column, type=kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
