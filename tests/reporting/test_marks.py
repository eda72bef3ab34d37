"""Marks of interactive figures: what they say, where they lead, and how far their bars reach."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.reporting.marks import hover, interval, points, rows_axis, single, trainings

ROW: dict[str, Any] = {"key": "rate/a", "rate": 0.51234, "low": 0.4, "high": 0.6, "n_items": 40, "n_seeds": 2}


def test_a_mark_tells_its_number_its_interval_what_it_rests_on_and_its_key() -> None:
    assert hover(ROW, "rate", "<b>a</b>", "more").split("<br>") == [
        "<b>a</b>",
        "more",
        "<b>0.512</b> (95 %: 0.400 to 0.600)",
        "40 questions, 2 trainings",
        "<i>rate/a</i>",
    ]


def test_families_are_counted_between_questions_and_trainings() -> None:
    assert "40 questions, 20 families, 2 trainings" in hover({**ROW, "n_families": 20}, "rate")


@pytest.mark.parametrize("missing", [{"low": float("nan"), "high": float("nan")}, {}])
def test_without_an_interval_none_is_told(missing: dict[str, float]) -> None:
    row = {name: value for name, value in ROW.items() if name not in ("low", "high")} | missing
    assert "95 %" not in hover(row, "rate") and "nan" not in hover(row, "rate")


def test_every_mark_of_a_trace_leads_to_the_key_of_its_row() -> None:
    trace = points([ROW, {**ROW, "key": "rate/b"}], ["one", "two"], x=[1, 2], y=[3, 4], name="arms")
    assert trace["customdata"] == ["rate/a", "rate/b"] and trace["text"] == ["one", "two"]
    assert (trace["x"], trace["y"], trace["name"], trace["type"]) == ([1, 2], [3, 4], "arms", "scatter")
    assert trace["hovertemplate"] == "%{text}<extra></extra>"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted), max_size=5))
def test_error_bars_reach_from_low_to_high(rows: list[list[float]]) -> None:
    told = [{"low": low, "value": value, "high": high} for low, value, high in rows]
    bars = interval(told, "value")
    assert bars["symmetric"] is False
    for row, above, below in zip(told, bars["array"], bars["arrayminus"], strict=True):
        assert row["value"] + above == pytest.approx(row["high"])
        assert row["value"] - below == pytest.approx(row["low"])
        assert above >= 0 and below >= 0


def test_single_trainings_are_silent_and_lead_nowhere() -> None:
    assert trainings({"rate_by_seed": '{"0": 0.25, "11": 0.5}'}, "rate_by_seed") == [0.25, 0.5]
    marks = single([0.25, 0.5], [0, 1], "#123456")
    assert marks["hoverinfo"] == "skip" and not marks["showlegend"] and "customdata" not in marks
    assert (marks["x"], marks["y"], marks["marker"]["line"]["color"]) == ([0.25, 0.5], [0, 1], "#123456")


@pytest.mark.parametrize("count", [1, 7])
def test_an_axis_of_rows_has_every_name_inside_its_range_and_the_first_on_top(count: int) -> None:
    axis = rows_axis([f"row {number}" for number in range(count)])
    bottom, top = axis["range"]
    assert axis["ticktext"] == [f"row {number}" for number in range(count)]
    assert axis["tickvals"] == list(range(count)) and top < 0 and bottom > count - 1
