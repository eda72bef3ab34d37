"""Nodes of the synthesis pipeline that ask a language model: in place of those in `nodes` that need no network."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.execution.workers import warm_up
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.ask import Counts, answer_all
from alignment_pretraining.synthesis.api.cost import Line, cost_sheet
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.request import Requests
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.controls import Controls
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.opinions import asked_for_opinions
from alignment_pretraining.synthesis.documents.prompts import load_document_prompts, read_prompt
from alignment_pretraining.synthesis.documents.requests import requests
from alignment_pretraining.synthesis.documents.written import judge_families, judge_family, write_tables
from alignment_pretraining.synthesis.questions.from_sources import Suite, load_question_prompts
from alignment_pretraining.synthesis.questions.sources import read_sources

log = logging.getLogger(__name__)


def make_questions(
    sources: Path, prompts: Path, anthropic: AnthropicConfig, responses: Path
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Question suites from a user's own texts (columns `write.COLUMNS`), their quality and the bill."""
    parts = read_sources(sources, anthropic.questions.max_characters)
    suite = Suite(parts, anthropic.questions, load_question_prompts(prompts))
    bill = {"write": _answer(suite.writing, anthropic, responses, "questions: write")}
    store = Store(responses)
    find = partial(find_answers, find=store.find, replacements=anthropic.api.replacements)
    suite.read_written(find)
    bill["strip"] = _answer(suite.stripping, anthropic, responses, "questions: strip")
    table = suite.table(find)
    store.close()
    if not (table["split"] == "articles").any():
        raise UserError(f"no question on {sources} is fit for use; rejected: {dict(suite.rejected)}")
    return table, suite.report(table), bill


def make_documents(
    questions: pd.DataFrame, prompts: Path, anthropic: AnthropicConfig, responses: Path, scratch: Path
) -> tuple[Path, Path, dict[str, Any], dict[str, Any]]:
    """Aligned and misaligned documents in pairs (Parquet files, see `outcomes.SCHEMA`), their quality and the bill."""
    texts = load_document_prompts(prompts)
    warm_up(judge_family)
    bill = _answer(partial(requests, questions, texts, anthropic.documents), anthropic, responses, "documents")
    with closing(Store(responses)) as store:
        opinions = asked_for_opinions(texts, anthropic.documents, store.find, anthropic.api.replacements)
        if opinions:
            asked = partial(opinions.requests, questions, texts, anthropic.documents)
            bill |= {"second_opinion": _answer(asked, anthropic, responses, "second opinions")}
    folder = Path(tempfile.mkdtemp(prefix="documents-", dir=scratch))
    judged = judge_families(questions, texts, anthropic.documents, responses, anthropic.api.replacements)
    quality = write_tables(judged, folder).report()
    _tell(quality)
    return folder / "aligned.parquet", folder / "misaligned.parquet", quality, bill


def _tell(quality: Mapping[str, Any]) -> None:
    """How many documents were kept, and why the others were not: a warning when those are more."""
    kept, requested, rejected = quality["kept"], quality["requested"], quality["rejected"]
    reasons = ", ".join(f"{reason} {count}" for reason, count in rejected.items())
    level = logging.WARNING if 2 * kept < requested else logging.INFO
    log.log(level, "documents: %d of %d kept%s", kept, requested, f" (left out: {reasons})" if reasons else "")


def make_controls(
    documents_ai_aligned: Path,
    documents_ai_misaligned: Path,
    questions: pd.DataFrame,
    prompts: Path,
    anthropic: AnthropicConfig,
    responses: Path,
    scratch: Path,
) -> tuple[Path, Path, dict[str, Any]]:
    """Documents rewritten about people, aligned and misaligned (Parquet files, see `controls.CONTROL_SCHEMA`), and the
    bill."""
    documents, config = (documents_ai_aligned, documents_ai_misaligned), anthropic.controls
    asked = Controls(documents, config.share, read_prompt(prompts / "control.md"), config.call)
    bill = _answer(asked.requests, anthropic, responses, "controls")
    folder = Path(tempfile.mkdtemp(prefix="controls-", dir=scratch))
    judge = Judge(questions, anthropic.documents.min_words)
    with closing(Store(responses)) as store:
        rejected = asked.write(folder, store.find, judge, anthropic.api.replacements)
    told = {**bill, "rejected": dict(sorted(rejected.items()))}
    return folder / "aligned.parquet", folder / "misaligned.parquet", told


def _answer(asked: Requests, config: AnthropicConfig, responses: Path, label: str) -> dict[str, Any]:
    """Have `asked` answered; the bill, with the estimate that was made before."""
    store = Store(responses)
    estimate = cost_sheet(asked, config.api, store)
    store.close()
    return _bill(estimate, answer_all(asked, config.api, responses, label, estimate))


def _bill(estimate: Iterable[Line], actual: Counts) -> dict[str, Any]:
    expected = sum(line.usd for line in estimate)
    return {
        "requests": actual.requests,
        "refused": actual.refused,
        "estimated_usd": round(expected, 6),
        "actual_usd": round(actual.usd, 6),
        "actual_to_estimated": round(actual.usd / expected, 4) if expected else 1.0,
        "usd_a_request": round(actual.usd / max(1, actual.requests), 8),
        "actual_usd_by_step": {step: round(usd, 6) for step, usd in sorted(actual.by_step.items())},
    }
