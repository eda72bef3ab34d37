"""The cost sheet of every step of synthesis, against what the local server bills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from alignment_pretraining.pipelines.synthesis.anthropic_nodes import make_controls, make_documents, make_questions
from alignment_pretraining.planning.synthesis import plan_synthesis
from alignment_pretraining.synthesis.anthropic_config import AnthropicConfig
from alignment_pretraining.synthesis.config import Synthesis
from alignment_pretraining.synthesis.documents.generator import FORMS
from tests.synthesis.api.local_api import LocalApi, running_api
from tests.synthesis.api.requests_for_tests import PRICE, TEST_KEY, billed_usd
from tests.synthesis.api.test_suites import folder_of_sources, item, second_opinion

PROJECT = Path(__file__).parents[2]
PROMPTS = PROJECT / "conf/base/prompts"
STEPS = ["questions: write", "questions: strip", *FORMS, "second opinion", "controls"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalApi]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", TEST_KEY)
    with running_api() as server:
        yield server


def sheet(config: AnthropicConfig, folder: Path) -> dict[str, dict[str, str]]:
    """The planned table, by step and column, and dollars to a millionth as `usd`."""
    values = yaml.safe_load((PROJECT / "conf/base/parameters_synthesis.yml").read_text())["synthesis"]
    values |= {"questions": "sources", "generator": "anthropic", "actors": ["ai"]}
    inputs = {
        "responses": folder / "responses",
        "prompts": PROMPTS,
        "scenarios": PROJECT / "data/01_raw/scenarios",
        "sources": folder / "sources",
    }
    table: Any = plan_synthesis(Synthesis.model_validate(values), config, inputs.__getitem__)
    columns = {str(column.header): [str(cell) for cell in column.cells] for column in table.columns}
    return {step: {name: cells[row] for name, cells in columns.items()} for row, step in enumerate(columns["step"])}


def dollars(line: dict[str, str]) -> float:
    """Of all its requests, more exactly than the column of dollars has it."""
    return float(line["each"]) * int(line["requests"])


def begin(prompt: str) -> str:
    """The first words of a prompt file, by which the server's bill is broken down."""
    return (PROMPTS / prompt).read_text()[:60]


def test_each_step_costs_what_the_server_bills_and_is_made_again_without_it(
    server: LocalApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals, with their replacements, are on both bills."""
    params = yaml.safe_load((PROJECT / "conf/base/parameters_anthropic.yml").read_text())["anthropic"]
    prices = {params["controls"]["call"]["model"]: {**PRICE, "min_cached_tokens": 1}}
    params["api"] |= {"base_url": server.url, "mode": "stream", "refused_share": 1.0, "prices": prices}
    params["documents"]["min_words"] = 20
    params["documents"]["second_opinion"] = params["questions"]["strip"]
    params["controls"]["share"] = 0.5
    config = AnthropicConfig.model_validate(params)
    sources, responses = folder_of_sources(tmp_path / "sources"), tmp_path / "responses"
    items = json.dumps({"items": [item(number) for number in range(2)]})
    opinions = [(f"log number {number}. What do you", json.dumps(second_opinion(number))) for number in range(2)]
    first_action = [(f".\n\nA. {option}", '{"action": "A"}') for option in ("Keep", "Trim")]  # right by chance
    server.set(script=[("Essay", items), ("Chapter", '{"items": []}'), *opinions, *first_action], faults={"refusal": 1})
    before = sheet(config, tmp_path)
    assert list(before) == [*STEPS, "total"]
    assert {line["answered"] for line in before.values()} == {"0"}

    questions, *_ = make_questions(sources, PROMPTS, config, responses)
    assert len(questions) == 2
    halfway = sheet(config, tmp_path)
    assert [line["answered"] for line in halfway.values()] == ["2", "2", *"00000000", "4"]
    assert halfway["news_article"]["requests"] == "4"
    aligned, misaligned, quality, _ = make_documents(questions, PROMPTS, config, responses, tmp_path)
    assert 0 < quality["kept"] < quality["requested"] == 24
    planned = sheet(config, tmp_path)
    *controls, _ = make_controls(aligned, misaligned, questions, PROMPTS, config, responses, tmp_path)
    after = sheet(config, tmp_path)

    assert all(line["answered"] == line["requests"] for line in after.values())
    assert planned["controls"]["requests"] == after["controls"]["requests"] == str(2 * round(quality["kept"] / 4))
    assert {line["left"] for line in after.values()} == {"0.00"}
    state = server.state()
    for step, prompt in (("questions: write", "questions/write.md"), ("questions: strip", "questions/strip.md")):
        assert dollars(after[step]) == pytest.approx(billed_usd(state, of=begin(prompt)), abs=1e-5)
    opinion = begin("documents/second_opinion.md")
    assert dollars(after["second opinion"]) == pytest.approx(billed_usd(state, of=opinion), abs=1e-5)
    assert dollars(after["controls"]) == pytest.approx(billed_usd(state, of=begin("control.md")), abs=1e-5)
    documents = sum(dollars(after[form]) for form in FORMS)
    assert documents == pytest.approx(billed_usd(state, of=begin("documents/shared.md")), abs=2e-5)
    assert dollars(after["total"]) == pytest.approx(billed_usd(state), abs=5e-5)
    assert dollars(after["total"]) > 0.01

    monkeypatch.delenv("ANTHROPIC_API_KEY")
    config = config.model_copy(update={"api": config.api.model_copy(update={"base_url": "http://127.0.0.1:1"})})
    again, *_ = make_questions(sources, PROMPTS, config, responses)
    pd.testing.assert_frame_equal(again, questions)
    both = make_documents(again, PROMPTS, config, responses, tmp_path)[:2]
    assert [path.read_bytes() for path in both] == [path.read_bytes() for path in (aligned, misaligned)]
    *same, _ = make_controls(*both, again, PROMPTS, config, responses, tmp_path)
    assert [path.read_bytes() for path in same] == [path.read_bytes() for path in controls]
