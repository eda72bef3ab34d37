"""The declared contrasts drawn: what is clear has a colour, and an expected equality its margin."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.forest import draw_forest, plot_forest
from tests.reporting.small import Saved

VERDICTS = {"shown": "clear", "equivalent": "clear", "opposite": "against", "not shown": "grey", "undecided": "grey"}


def contrasts(**changes: Any) -> pd.DataFrame:
    rows = [
        {"key": f"contrast/{number}", "name": f"c{number}", "left": "a told x", "right": "b told x", "expect": "higher",
         "margin": 0.15, "value": 0.3, "low": 0.1, "high": 0.6, "n_seeds": 2, "by_seed": '{"0": 0.2, "1": 0.4}',
         "verdict": verdict, **changes}
        for number, verdict in enumerate(VERDICTS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def drawn(table: pd.DataFrame) -> Saved:
    saved = Saved()
    draw_forest(table, Path(), saved)
    return saved


def test_verdicts_that_mean_the_same_have_one_colour() -> None:
    saved = drawn(contrasts())
    marks = [line for line in saved.axes("forest").lines if line.get_url()]
    shades = dict(zip(VERDICTS, [line.get_color() for line in marks], strict=True))
    assert shades["shown"] == shades["equivalent"] and shades["not shown"] == shades["undecided"]
    assert len(set(shades.values())) == 3


def test_every_contrast_has_its_row_its_interval_its_mark_and_its_trainings() -> None:
    saved = drawn(contrasts())
    axes = saved.axes("forest")
    assert saved.links("forest") == [f"contrast/{number}" for number in range(5)]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        f"c{number}\n{verdict}" for number, verdict in enumerate(VERDICTS)
    ]
    told = [([*map(float, line.get_xdata())], [*map(float, line.get_ydata())]) for line in axes.lines[1:]]
    assert told[0] == ([0.1, 0.6], [0, 0]) and told[1][0] == [0.2, 0.4] and told[2] == ([0.3], [0])
    assert [y for _, y in told[::3]] == [[number] * 2 for number in range(5)]
    bottom, top = axes.get_ylim()
    assert bottom > 4 and top < 0, "the first stands on top"


@pytest.mark.parametrize(("expect", "bands"), [("equal", 5), ("lower", 0)])
def test_the_margin_is_drawn_where_no_difference_is_expected(expect: str, bands: int) -> None:
    axes = drawn(contrasts(expect=expect)).axes("forest")
    found = [(band.get_x(), band.get_x() + band.get_width()) for band in axes.patches]
    assert found == [pytest.approx((-0.15, 0.15))] * bands


def test_a_study_without_contrasts_has_no_forest() -> None:
    assert drawn(contrasts().head(0)).figures == {}


def test_a_mark_that_is_pointed_at_tells_both_sides_and_the_verdict() -> None:
    figure = plot_forest(contrasts())["forest"]
    traces = [trace for trace in figure["data"] if "customdata" in trace]
    told = {key: text for trace in traces for key, text in zip(trace["customdata"], trace["text"], strict=True)}
    assert set(told) == {f"contrast/{number}" for number in range(5)}
    for number, verdict in enumerate(VERDICTS):
        text = told[f"contrast/{number}"]
        assert f"<b>c{number}</b>: {verdict}<br>a told x minus b told x" in text
        assert "(95 %: 0.100 to 0.600)" in text and "2 trainings" in text
    assert len(traces) == 3, "a trace a colour"
    assert [trace["y"] for trace in traces] == [[0, 1], [2], [3, 4]]
