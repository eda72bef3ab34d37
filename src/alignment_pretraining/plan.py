"""What a pipeline will cost, before it runs: `kedro plan`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from alignment_pretraining.api.answer import cost
from alignment_pretraining.api.config import ApiConfig
from alignment_pretraining.api.cost import Line, cost_sheet
from alignment_pretraining.api.store import Store
from alignment_pretraining.discourse.bank import load_bank
from alignment_pretraining.discourse.jobs import requests
from alignment_pretraining.discourse.prompts import load_document_prompts
from alignment_pretraining.discourse.questions import build_questions
from alignment_pretraining.suites.settings import AnthropicConfig, parse_anthropic

_COLUMNS = ("requests", "answered", "input", "cached", "output", "USD", "each", "left")
_SUMMED = ("requests", "answered", "input_tokens", "cached_tokens", "output_tokens", "usd")


def plan_synthesis(parameters: Mapping[str, Any], scenarios: Path, prompts: Path, responses: Path) -> RenderableType:
    """The cost sheet of the synthesis pipeline: nothing with the template generator, else a table by step.

    Raises:
        UserError: parameters or prompts are wrong, or the API cannot be asked for token counts.
    """
    if parameters["synthesis"]["generator"] == "template":
        return "synthesis: the template generator asks no model and costs nothing"
    config = parse_anthropic(parameters["anthropic"])
    questions: pd.DataFrame = build_questions(load_bank(scenarios))
    store = Store(responses)
    asked = partial(requests, questions, load_document_prompts(prompts), config.documents)
    lines = cost_sheet(asked, config.api, store)
    store.close()
    return _table([*lines, _controls(lines, config)], config.api)


def _controls(documents: list[Line], config: AnthropicConfig) -> Line:
    """Controls are asked for when the documents are there: until then, each reads one document and writes another."""
    written = sum(line.output_tokens for line in documents) / sum(line.requests for line in documents)
    count = round(config.controls.share * sum(line.requests for line in documents))
    call = config.controls.call
    usd = count * cost(config.api.price(call.model), config.api.discount, written, 0, 0, call.expected_tokens)
    return Line("controls", count, 0, count * written, 0, count * call.expected_tokens, usd)


def _table(lines: list[Line], api: ApiConfig) -> Table:
    dates = ", ".join(f"{model} {price.date}" for model, price in api.prices.items())
    table = Table(
        title=f"synthesis by {api.mode}, at the prices of {dates}",
        caption=f"max_usd: ${api.max_usd:g}. Tokens in all; output is expected_tokens until a step has answers.",
        box=SIMPLE_HEAD,
        pad_edge=False,
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
