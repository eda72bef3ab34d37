"""The nodes with the project's own parameters, and what they say of wrong ones."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.pipelines.synthesis import nodes
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english


@pytest.fixture
def values() -> dict[str, Any]:
    values: dict[str, Any] = english("synthesis")
    return values


@pytest.fixture
def synthesis(values: dict[str, Any]) -> Synthesis:
    return Synthesis.model_validate(values)


def test_the_default_makes_enough_text(scenarios: Path, phrases: Path, synthesis: Synthesis) -> None:
    questions = nodes.make_questions(scenarios)
    aligned, misaligned = nodes.make_documents(scenarios, phrases, questions, synthesis)
    for table in (aligned, misaligned):
        assert len(" ".join(table["text"]).split()) > 90_000
    natural = nodes.make_natural_discourse(scenarios, phrases, synthesis)
    assert len(" ".join(natural["text"]).split()) > 40_000
    assert list(natural.columns) == ["id", "text", "tone"]


def test_amounts_are_the_configured_ones(phrases: Path, values: dict[str, Any]) -> None:
    amounts = {
        "mcqa": {"count": 3},
        "conversations": {"count": 4, "system_share": 1.0},
        "preferences": {"count": 5, "system_share": 0.0},
    }
    small = Synthesis.model_validate(values | amounts)
    assert list(nodes.make_mcqa(phrases, small).columns) == ["id", "text"]
    assert [len(make(phrases, small)) for make in (nodes.make_mcqa, nodes.make_chat, nodes.make_preferences)] == [
        3,
        4,
        5,
    ]


def test_tables_survive_parquet(tmp_path: Path, scenarios: Path) -> None:
    questions = nodes.make_questions(scenarios)
    questions.to_parquet(tmp_path / "questions.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "questions.parquet"), questions)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("generator",), "magic", r"synthesis.generator: .*'template'.*got 'magic'"),
        (("documents", "count"), 0, "synthesis.documents.count: .*greater than 0"),
        (("natural_discourse", "tones", "negative"), 0.9, "tones: the shares add up to 1.1, not 1"),
        (("natural_discourse", "tones", "angry"), 0.0, "tones.angry"),
        (("conversations", "system_share"), 2, "system_share: .*less than or equal to 1"),
        (("colour",), "red", "synthesis.colour: unknown key"),
        (("seed",), None, "synthesis.seed"),
    ],
)
def test_a_wrong_parameter_is_named(values: dict[str, Any], path: tuple[str, ...], value: Any, message: str) -> None:
    params = copy.deepcopy(values)
    place = params
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match=message) as error:
        parse(Synthesis, params, "parameters_synthesis.yml", "synthesis")
    assert "parameters_synthesis.yml" in str(error.value)


def test_a_missing_parameter_is_named(values: dict[str, Any]) -> None:
    del values["mcqa"]
    with pytest.raises(UserError, match=r"synthesis\.mcqa: missing; add it"):
        parse(Synthesis, values, "parameters_synthesis.yml", "synthesis")
