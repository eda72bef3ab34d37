"""Panels of the report: what bars and lines stand for, and which panels there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.contrasts import CONTRAST_COLUMNS
from alignment_pretraining.reporting.figures import Drawn, draw_all
from alignment_pretraining.reporting.gaps import GAP_COLUMNS
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.streams import STREAM_COLUMNS
from alignment_pretraining.reporting.topics import TOPIC_COLUMNS
from tests.reporting.small import rate_rows

MakeScope = Callable[..., Scope]
RATES = {"pretraining": 0.2, "midtraining": 0.4, "sft": 0.6, "dpo": 0.8}
CURVES = pd.DataFrame({"arm": ["unfiltered"], "stage": ["pretraining"], "tokens": [1000.0], "step": [1], "loss": [2.0]})


def rate(place: Place) -> float:
    return RATES[place.stage] + (0.05 if place.arm == "filtered" else 0)


def tables(rates: pd.DataFrame, **changes: Any) -> Drawn:
    empty = {"gaps": GAP_COLUMNS, "contrasts": CONTRAST_COLUMNS, "topics": TOPIC_COLUMNS, "streams": STREAM_COLUMNS}
    told = {name: pd.DataFrame(columns=list(columns)) for name, columns in empty.items()}
    return Drawn(**{"rates": rates, "curves": CURVES, "claims": [], **told, **changes})


@pytest.fixture(scope="module")
def one(make_scope: MakeScope) -> Scope:
    """Three arms, asked one suite under one persona of each kind."""
    asked = {"items": {"articles": 4}, "chat_personas": ["none"]}
    return make_scope(asked, run=["unfiltered", "filtered", "aligned_e2e"])


@pytest.fixture(scope="module")
def folder(one: Scope, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The panels of a study one arm of which has no rates yet; the paper has a value for another."""
    rates = rate_rows(one, rate)
    rates = rates[rates["arm"] != "aligned_e2e"]
    rates.loc[rates["arm"] == "filtered", "paper"] = 0.3
    row = {"key": "gap/a", "kind": "stage", "arm": "filtered", "split": "articles", "rate": 0.8, "reference_rate": 0.4}
    gaps = pd.DataFrame([row, row | {"kind": "arm", "key": "gap/b"}], columns=list(GAP_COLUMNS))
    return draw_all(tables(rates, gaps=gaps), one, tmp_path_factory.mktemp("drawn"))


def keys(folder: Path, name: str) -> list[str]:
    drawn = (folder / f"{name}.svg").read_text(encoding="utf-8")
    return [part.split('"')[0] for part in drawn.split('xlink:href="#')[1:] if "/" in part.split('"')[0]]


def names(folder: Path) -> set[str]:
    assert {path.suffix for path in folder.iterdir()} == {".svg", ".png"}
    return {path.stem for path in folder.glob("*.svg")}


def test_panels_are_those_that_have_data(folder: Path) -> None:
    assert names(folder) == {"main-articles", "persistence-articles", "stages-articles", "loss-base", "tokens"}
    assert {path.stem for path in folder.glob("*.png")} == names(folder)


def test_a_bar_is_the_rate_of_the_last_base_model_under_the_main_persona(folder: Path) -> None:
    assert keys(folder, "main-articles") == [
        f"rate/{arm}/midtraining/articles/listed/assistant" for arm in ("unfiltered", "filtered")
    ]


@pytest.mark.parametrize("name", ["main-articles", "persistence-articles"])
def test_an_arm_that_has_no_rate_keeps_its_row(folder: Path, name: str) -> None:
    drawn = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert all(f">{arm}<" in drawn for arm in ("unfiltered", "filtered", "aligned_e2e"))


def test_the_papers_value_is_drawn_where_there_is_one(folder: Path) -> None:
    drawn = (folder / "main-articles.svg").read_text(encoding="utf-8")
    marks = [part for part in drawn.split("<use ")[1:] if "#7a1fa2" in part.split("/>")[0]]
    assert len(marks) == 1


def test_lines_go_through_every_stage_in_the_order_of_training(folder: Path) -> None:
    assert [key.split("/")[1:3] for key in keys(folder, "stages-articles")] == [
        [arm, stage] for arm in ("unfiltered", "filtered") for stage in RATES
    ]


def test_persistence_shows_both_ends_of_each_arm_and_only_of_post_training(folder: Path) -> None:
    assert keys(folder, "persistence-articles") == ["gap/a", "gap/a"]


def test_other_data_have_a_folder_of_their_own_and_the_same_data_the_same(one: Scope, tmp_path: Path) -> None:
    nothing = rate_rows(one).head(0)
    first = draw_all(tables(nothing), one, tmp_path)
    assert names(first) == {"loss-base"}, "without one rate there is still what was trained"
    (first / "left.svg").write_text("of a run that was killed")
    assert draw_all(tables(nothing), one, tmp_path) == first and not (first / "left.svg").exists()
    assert draw_all(tables(nothing, curves=CURVES.assign(loss=3.0)), one, tmp_path) != first
