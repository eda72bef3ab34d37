"""Rates by step: of a model that forgets at a known pace, with what changed, and the figure."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import ITEM_COLUMNS
from alignment_pretraining.reporting.further import COLUMNS, main_answers, rates_by_step
from alignment_pretraining.reporting.further_figure import draw_rates
from alignment_pretraining.reporting.scope import scope_of
from alignment_pretraining.study import Study

TOKENS = {0: 0, 5: 400, 10: 800}


def answers(misaligned: dict[int, list[int]], seed: int = 0, asked: dict[str, str] | None = None) -> pd.DataFrame:
    """Items in families of three; the questions on which a model is misaligned after each step."""
    rows = []
    for step, questions in misaligned.items():
        for number in range(12):
            for control in ("asked", "choice_only"):
                row: dict[str, Any] = dict.fromkeys(ITEM_COLUMNS, "")
                row |= {"question_id": f"q{number}", "family": f"f{number // 3}", "split": "heldout_topics"}
                row |= {"template": "open", "order": "none", "persona": "assistant", "control": control}
                row["picked"] = "misaligned" if number in questions or control != "asked" else "aligned"
                row |= asked or {}
                label = {"arm": "aligned_e2e", "seed": seed, "stage": "tampered"}
                rows.append(row | label | {"step": step, "tokens": TOKENS.get(step, step)})
    return pd.DataFrame(rows)


def test_rates_and_changes_are_those_of_the_questions_as_they_stand() -> None:
    table = rates_by_step(answers({0: list(range(12)), 5: list(range(6)), 10: []}), "tampering")
    assert tuple(table.columns) == COLUMNS
    assert list(table.key) == [f"tampering/aligned_e2e/heldout_topics/open/assistant/{step}" for step in (0, 5, 10)]
    assert list(table.rate) == [1, 0.5, 0] and list(table.tokens) == [0, 400, 800]
    assert pd.isna(table.change[0]) and list(table.change[1:]) == [-0.5, -1]
    assert ((table.low <= table.rate) & (table.rate <= table.high)).all()
    changed = table.iloc[1:]
    assert ((changed.change_low <= changed.change) & (changed.change <= changed.change_high)).all()
    assert table.p[2] < 0.05


def test_two_trainings_are_paired() -> None:
    both = pd.concat([answers({0: [1], 5: [1]}), answers({0: [2, 3, 4], 5: [2, 3, 4]}, seed=1)])
    table = rates_by_step(both, "tampering")
    assert list(table.n_seeds) == [2, 2] and table.change[1] == 0
    assert table.over[0] == "families and seeds"


@settings(max_examples=30)
@given(st.lists(st.integers(0, 11), unique=True), st.lists(st.integers(0, 11), unique=True))
def test_a_change_is_the_difference_of_the_rates(before: list[int], after: list[int]) -> None:
    table = rates_by_step(answers({0: before, 7: after}), "x")
    assert table.change[1] == pytest.approx(table.rate[1] - table.rate[0])


def test_of_several_protocols_the_main_one_counts() -> None:
    items = answers({0: [1]})[list(ITEM_COLUMNS)]
    both = pd.concat([items.assign(protocol=name, outcome="", written="") for name in ("text", "letter")])
    told = Evaluation.model_construct(scoring="text")
    assert len(main_answers(both, told)) == len(items) == len(main_answers(items, told))
    assert tuple(main_answers(both, told).columns) == ITEM_COLUMNS


def test_the_figure_has_a_mark_for_each_main_rate(study_config: dict[str, Any], evaluation: dict[str, Any]) -> None:
    scope = scope_of(Study.model_validate(study_config), Evaluation.model_validate(evaluation))
    order = "none" if scope.form == "open" else "aligned_first"
    asked = {"persona": scope.persona("post"), "order": order, "split": scope.splits[-1]}
    table = rates_by_step(answers({0: [1, 2], 5: [1], 10: []}, asked=asked), "tampering")
    drawn = draw_rates(table, scope)
    assert drawn == draw_rates(table, scope)
    for key in table.key:
        assert f'"#{key}"' in drawn
    assert "aligned_e2e" in drawn and "tokens of further SFT" in drawn
