"""What synthesis will cost, before it runs: `kedro plan`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.api.answer import cost
from alignment_pretraining.synthesis.api.config import ApiConfig, Call
from alignment_pretraining.synthesis.api.cost import Line, cost_sheet
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.documents.controls import Controls
from alignment_pretraining.synthesis.documents.generator import FORMS
from alignment_pretraining.synthesis.documents.opinions import STEP, asked_for_opinions
from alignment_pretraining.synthesis.documents.prompts import load_document_prompts, read_prompt
from alignment_pretraining.synthesis.documents.requests import articles, requests
from alignment_pretraining.synthesis.documents.written import judge_families, write_tables
from alignment_pretraining.synthesis.questions.from_bank import build_questions
from alignment_pretraining.synthesis.questions.from_sources import Suite, load_question_prompts
from alignment_pretraining.synthesis.questions.sources import SourceText, read_sources
from alignment_pretraining.synthesis.scenarios.bank import load_bank

_COLUMNS = ("requests", "answered", "input", "cached", "output", "USD", "each", "left")
# With more documents than this, a plan does not judge them to know which will have controls.
_JUDGED = 50_000


def plan_synthesis(synthesis: Synthesis, config: AnthropicConfig, load: Callable[[str], Any]) -> RenderableType:
    """The cost sheet of the synthesis pipeline as a table; nothing to pay for without a language model.

    Raises:
        UserError: prompts are wrong, or the API cannot be asked for token counts.
    """
    if synthesis.generator != "anthropic":
        return f"synthesis: the {synthesis.generator} generator asks no model and costs nothing"
    responses = load("responses")
    store = Store(responses)
    lines, reserved = _Sheet(synthesis, config, load, responses, store).lines(), store.reserved()
    store.close()
    return _table(lines, config.api, reserved)


@dataclass(frozen=True)
class _Sheet:
    """Lines of the sheet. A step whose inputs are answered is planned from its own requests, and what builds on answers
    that are still to come from expected counts and lengths."""

    synthesis: Synthesis
    config: AnthropicConfig
    load: Callable[[str], Any]
    responses: Path
    store: Store

    def lines(self) -> list[Line]:
        """Every step, in the order of the pipeline."""
        bank = build_questions(load_bank(self.load("scenarios")))
        if self.synthesis.questions != "sources":
            documents = self._documents(bank)
            return [*documents, *self._built_on(documents, bank)]
        writing, stripping, questions, to_come = self._suite()
        documents = [*self._documents(questions)] if (questions["split"] == "articles").any() else []
        if to_come:
            documents = _merge(documents, self._scaled(self._documents(bank), to_come / len(articles(bank))))
        return [*writing, stripping, *documents, *self._built_on(documents, None if to_come else questions)]

    def _suite(self) -> tuple[list[Line], Line, pd.DataFrame, int]:
        """The lines of both steps, the questions so far, and how many articles questions are expected beside them."""
        config = self.config.questions
        sources = read_sources(self.load("sources"), config.max_characters)
        suite = Suite(sources, config, load_question_prompts(self.load("prompts")))
        writing = self._price(suite.writing)
        written: list[SourceText] = []
        unwritten: list[SourceText] = []
        for source, request in zip(sources, suite.writing(), strict=True):
            (written if request.key in self._find([request]) else unwritten).append(source)
        suite = replace(suite, sources=written)
        suite.read_written(self._find)
        found = self._find(list(suite.stripping()))
        asked = [(item, request.key in found) for item, request in zip(suite.items, suite.stripping(), strict=True)]
        length = config.write.expected_tokens / config.count
        stripping = sum(
            (replace(line, step="questions: strip") for line in self._price(suite.stripping)),
            self._expected("questions: strip", len(unwritten) * config.count, config.strip, length),
        )
        to_come = config.count * sum(source.split == "articles" for source in unwritten)
        to_come += sum(source.split == "articles" for (source, _, _), answered in asked if not answered)
        suite.items = [item for item, answered in asked if answered]
        return writing, stripping, suite.table(self._find), to_come

    def _documents(self, questions: pd.DataFrame) -> list[Line]:
        prompts = load_document_prompts(self.load("prompts"))
        return self._price(partial(requests, questions, prompts, self.config.documents))

    def _scaled(self, documents: list[Line], factor: float) -> list[Line]:
        """Lines for as many questions as are expected, on those of the bank, which nobody asks about."""
        return [
            Line(
                line.step,
                round(factor * line.requests),
                input_tokens=factor * line.input_tokens,
                cached_tokens=factor * line.cached_tokens,
                output_tokens=factor * line.output_tokens,
                usd_left=factor * line.usd,
            )
            for line in documents
        ]

    def _built_on(self, documents: list[Line], questions: pd.DataFrame | None) -> Iterator[Line]:
        """Opinions, where they are asked for, and controls: each reads documents, those that the judge keeps once they
        are there."""
        requested = sum(line.requests for line in documents)
        length = sum(line.output_tokens for line in documents) / max(1, requested)
        there = questions if _is_done(documents) and requested <= _JUDGED else None
        config, prompts = self.config.documents, load_document_prompts(self.load("prompts"))
        opinions = asked_for_opinions(prompts, config, self.store.find, self.config.api.replacements)
        if opinions:
            line = self._expected(STEP, requested, opinions.call, length)
            if there is not None:
                line = sum(self._price(partial(opinions.requests, there, prompts, config)), Line(STEP))
                there = there if _is_done([line]) else None
            yield line
        yield self._controls(there, requested, length)

    def _controls(self, questions: pd.DataFrame | None, requested: int, length: float) -> Line:
        """Each chosen document is read and written once more."""
        asked = self.config.controls
        if questions is None:
            return self._expected("controls", round(asked.share * requested), asked.call, length)
        prompt = read_prompt(self.load("prompts") / "control.md")
        with TemporaryDirectory() as folder:
            controls = Controls(self._kept(questions, Path(folder)), asked.share, prompt, asked.call)
            return sum(self._price(controls.requests), Line("controls"))

    def _kept(self, questions: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
        config, prompts = self.config, load_document_prompts(self.load("prompts"))
        judged = judge_families(questions, prompts, config.documents, self.responses, config.api.replacements)
        write_tables(judged, folder)
        return folder / "aligned.parquet", folder / "misaligned.parquet"

    def _price(self, asked: Callable[[], Iterator[Request]]) -> list[Line]:
        return cost_sheet(asked, self.config.api, self.store)

    def _find(self, asked: list[Request]) -> dict[str, Any]:
        return find_answers(asked, self.store.find, self.config.api.replacements)

    def _expected(self, step: str, count: int, call: Call, input_tokens: float) -> Line:
        api = self.config.api
        each = cost(api.price(call.model).rates(input_tokens), api.discount, input_tokens, 0, 0, call.expected_tokens)
        return Line(step, count, 0, count * input_tokens, 0, count * call.expected_tokens, usd_left=count * each)


def _is_done(lines: list[Line]) -> bool:
    return all(line.answered == line.requests for line in lines)


def _merge(some: list[Line], others: list[Line]) -> list[Line]:
    """One line a form."""
    return [sum((line for line in (*some, *others) if line.step == form), Line(form)) for form in FORMS]


def _table(lines: list[Line], api: ApiConfig, reserved: float) -> Table:
    dates = ", ".join(f"{model} {price.date}" for model, price in api.prices.items())
    caption = f"max_usd: ${api.max_usd:g}. Tokens in all; output is expected_tokens until a step has answers."
    if reserved:
        caption += f" Beside it, ${reserved:.2f} at most may have been billed without an answer."
    table = Table(
        title=f"synthesis by {api.mode}, at the prices of {dates}", caption=caption, box=SIMPLE_HEAD, padding=0
    )
    table.add_column("step", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    total = sum(lines, Line("total"))
    for line in (*lines, total):
        counts = (f"{count:,}" for count in (line.requests, line.answered))
        tokens = (f"{n / 1000:,.0f}k" for n in (line.input_tokens, line.cached_tokens, line.output_tokens))
        each = line.usd / max(1, line.requests)
        table.add_row(line.step, *counts, *tokens, f"{line.usd:,.2f}", f"{each:.6f}", f"{line.usd_left:,.2f}")
    return table
