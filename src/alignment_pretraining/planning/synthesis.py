"""What a pipeline will cost, before it runs: `kedro plan`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.answer import cost
from alignment_pretraining.synthesis.api.config import ApiConfig, Call
from alignment_pretraining.synthesis.api.cost import Line, cost_sheet
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.documents.prompts import load_document_prompts
from alignment_pretraining.synthesis.documents.requests import articles, requests
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.questions.from_sources import Suite, load_question_prompts
from alignment_pretraining.synthesis.questions.sources import SourceText, read_sources
from alignment_pretraining.synthesis.scenarios.bank import load_bank

_COLUMNS = ("requests", "answered", "input", "cached", "output", "USD", "each", "left")
_SUMMED = ("requests", "answered", "input_tokens", "cached_tokens", "output_tokens", "usd")


def plan_synthesis(synthesis: Synthesis, config: AnthropicConfig, load: Callable[[str], Any]) -> RenderableType:
    """The cost sheet of the synthesis pipeline: nothing with the template generator, else a table by step.

    `load` gives a dataset of the catalog. Steps that build on answers of others are planned from expected counts and
    lengths; documents on questions that are still to be written, from the prompts on the bank's questions.

    Raises:
        UserError: prompts are wrong, or the API cannot be asked for token counts.
    """
    if synthesis.generator == "template":
        return "synthesis: the template generator asks no model and costs nothing"
    store, prompts = Store(load("responses")), load("prompts")
    questions = build_questions(load_bank(load("scenarios")))
    asked = partial(requests, questions, load_document_prompts(prompts), config.documents)
    documents = cost_sheet(asked, config.api, store)
    lines: list[Line] = []
    if synthesis.questions == "sources":
        sources = read_sources(load("sources"), config.questions.max_characters)
        suite = Suite(sources, config.questions, load_question_prompts(prompts))
        lines = [*cost_sheet(suite.writing, config.api, store), _stripping(sources, config)]
        documents = [_on_sources(line, sources, questions, config) for line in documents]
    store.close()
    return _table([*lines, *documents, _controls(documents, config)], config.api)


def _stripping(sources: list[SourceText], config: AnthropicConfig) -> Line:
    """Each question is read and written once more."""
    asked = config.questions
    length = asked.write.expected_tokens / asked.count
    return _expected("questions: strip", len(sources) * asked.count, asked.strip, length, config.api)


def _on_sources(line: Line, sources: list[SourceText], bank: pd.DataFrame, config: AnthropicConfig) -> Line:
    """A form's line for as many questions as the sources are expected to give."""
    wanted = config.questions.count * sum(source.split == "articles" for source in sources)
    factor = wanted / len(articles(bank))
    tokens = (factor * amount for amount in (line.input_tokens, line.cached_tokens, line.output_tokens, line.usd))
    return Line(line.step, round(factor * line.requests), 0, *tokens)


def _controls(documents: list[Line], config: AnthropicConfig) -> Line:
    """Each chosen document is read and written once more."""
    requested = sum(line.requests for line in documents)
    length = sum(line.output_tokens for line in documents) / max(1, requested)
    count = round(config.controls.share * requested)
    return _expected("controls", count, config.controls.call, length, config.api)


def _expected(step: str, count: int, call: Call, input_tokens: float, api: ApiConfig) -> Line:
    usd = count * cost(api.price(call.model), api.discount, input_tokens, 0, 0, call.expected_tokens)
    return Line(step, count, 0, count * input_tokens, 0, count * call.expected_tokens, usd)


def _table(lines: list[Line], api: ApiConfig) -> Table:
    dates = ", ".join(f"{model} {price.date}" for model, price in api.prices.items())
    table = Table(
        title=f"synthesis by {api.mode}, at the prices of {dates}",
        caption=f"max_usd: ${api.max_usd:g}. Tokens in all; output is expected_tokens until a step has answers.",
        box=SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("step", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    total = Line("total", *(sum(getattr(line, name) for line in lines) for name in _SUMMED))
    for line in (*lines, total):
        counts = (f"{count:,}" for count in (line.requests, line.answered))
        tokens = (f"{n / 1000:,.0f}k" for n in (line.input_tokens, line.cached_tokens, line.output_tokens))
        each = line.usd / max(1, line.requests)
        left = sum(part.usd_left for part in lines) if line is total else line.usd_left
        table.add_row(line.step, *counts, *tokens, f"{line.usd:,.2f}", f"{each:.6f}", f"{left:,.2f}")
    return table
