"""Rates by topic: means over trainings, the topics on which arms differ most first."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.topics import TOPIC_COLUMNS, draw_topics, plot_topics, topic_table
from tests.reporting.small import Saved

GRID = {"alike": (0.5, 0.55), "apart": (0.9, 0.1), "nearly": (0.3, 0.6)}
ARMS = ("unfiltered", "filtered")


def topics() -> pd.DataFrame:
    rows = [
        {"key": f"topic/{arm}/{topic}", "arm": arm, "topic": topic, "rate": rate, "n_items": 4, "n_seeds": 2}
        for topic, rates in GRID.items()
        for arm, rate in zip(ARMS, rates, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(TOPIC_COLUMNS))


def answers(scope: Scope, picked: dict[tuple[str, int], list[bool]], split: str = "heldout_topics") -> Answers:
    """Answers by topic and seed; a question in both orders, picked alike."""
    rows: list[dict[str, Any]] = [
        {"arm": "unfiltered", "seed": seed, "stage": "midtraining", "split": split, "template": "plain",
         "order": order, "persona": "assistant", "control": control, "question_id": f"{topic}{number}",
         "family": topic, "topic": topic, "picked": "misaligned" if bad or control != "asked" else "aligned"}
        for (topic, seed), told in picked.items() for number, bad in enumerate(told)
        for order in ("aligned_first", "misaligned_first") for control in ("asked", "choice_only")
    ]  # fmt: skip
    return Answers(pd.DataFrame(rows), scope)


def test_a_topics_rate_is_the_mean_over_trainings_of_questions_as_they_stand(scope: Scope) -> None:
    told = {("theft", 0): [True, False, False, False], ("theft", 1): [True, True, False, False], ("care", 0): [True]}
    table = topic_table(answers(scope, told)).set_index("topic")
    assert list(table.index) == ["care", "theft"]
    theft = table.loc["theft"]
    assert theft["rate"] == pytest.approx((0.25 + 0.5) / 2) and theft["rate_by_seed"] == '{"0": 0.25, "1": 0.5}'
    assert (theft["n_items"], theft["n_seeds"]) == (4, 2)
    assert theft["key"] == "topic/unfiltered/midtraining/heldout_topics/listed/assistant/theft"
    assert (table.loc["care", "rate"], table.loc["care", "n_seeds"]) == (1, 1)


def test_nothing_asked_is_an_empty_table_and_no_figure(scope: Scope) -> None:
    table = topic_table(answers(scope, {("theft", 0): [True]}, split="articles"))
    assert table.empty and tuple(table.columns) == TOPIC_COLUMNS
    saved = Saved()
    draw_topics(table, scope, Path(), saved)
    assert saved.figures == {} and plot_topics(table, scope) == {}


def test_topics_stand_by_how_far_apart_the_arms_are_and_arms_in_the_order_of_the_study(scope: Scope) -> None:
    data = plot_topics(topics(), scope)["topics"]["data"][0]
    assert data["y"] == ["apart", "nearly", "alike"] and data["x"] == list(ARMS)
    assert data["z"] == [[0.9, 0.1], [0.3, 0.6], [0.5, 0.55]]
    assert data["customdata"][0] == ["topic/unfiltered/apart", "topic/filtered/apart"]
    assert data["text"][2][1].startswith("<b>alike</b>, filtered<br><b>0.550</b><br>4 questions, 2 trainings")
    assert (data["zmin"], data["zmax"]) == (0, 1), "a shade means the same rate in every study"


def test_the_drawing_has_the_same_cells_with_the_number_in_each(scope: Scope) -> None:
    saved = Saved()
    draw_topics(topics(), scope, Path(), saved)
    axes = saved.axes("topics")
    assert saved.links("topics")[:3] == ["topic/unfiltered/apart", "topic/filtered/apart", "topic/unfiltered/nearly"]
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.10", "0.30", "0.60", "0.50", "0.55"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["apart", "nearly", "alike"]


def test_a_number_can_be_read_on_its_shade(scope: Scope) -> None:
    saved = Saved()
    draw_topics(topics(), scope, Path(), saved)
    axes = saved.axes("topics")
    for text, cell in zip(axes.texts, axes.patches, strict=True):
        red, green, blue, _ = cell.get_facecolor()
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.45
        assert (text.get_color() == "#fefefe") == dark, text.get_text()
