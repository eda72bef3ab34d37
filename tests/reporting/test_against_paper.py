"""Our rates against the paper's: only cells that both have, and never two versions in one figure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.reporting.against_paper import draw_against_paper, paper_pairs, plot_against_paper
from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.scope import Scope
from tests.reporting.small import Saved, rate_rows


def claim(**changes: Any) -> Claim:
    told = {"version": "V", "arm": "filtered", "stage": "base", "split": "articles", "persona": "assistant"}
    value = {"value": 0.3, "tolerance": 0.005, "approximate": False, "place": "table 1"}
    return Claim.model_validate(told | value | changes)


def rate(place: Place) -> float:
    return 0.6 if place.stage == "midtraining" else 0.4


CLAIMS = [
    claim(),
    claim(stage="post", persona="none", value=0.5),
    claim(arm="unfiltered", value=0.7),
    claim(version="D", persona=None, value=0.2),
    claim(version="D", persona="hhh", stage="post", value=0.1),
    claim(arm="misaligned_cpt"),
    claim(measure="mmlu", split=None),
]


def pairs(scope: Scope, version: str) -> list[tuple[str, float]]:
    return [(row["key"], one.value) for row, _, one in paper_pairs(rate_rows(scope, rate), CLAIMS, scope, version)]


def test_a_rate_stands_beside_the_papers_of_the_same_cell_and_version(scope: Scope) -> None:
    assert pairs(scope, "V") == [
        ("rate/unfiltered/midtraining/articles/listed/assistant", 0.7),
        ("rate/filtered/midtraining/articles/listed/assistant", 0.3),
        ("rate/filtered/dpo/articles/listed/none", 0.5),
    ]
    assert pairs(scope, "D") == [
        ("rate/filtered/midtraining/articles/listed/assistant", 0.2),
        ("rate/filtered/dpo/articles/listed/hhh", 0.1),
    ]


def test_a_figure_that_leaves_its_persona_unsaid_stands_beside_the_main_one_alone(
    make_scope: Callable[..., Scope],
) -> None:
    scope = make_scope({"base_personas": ["none", "assistant"]}, seeds={"base": [0], "post_training": []})
    assert pairs(scope, "D") == [("rate/filtered/midtraining/articles/listed/none", 0.2)]


def test_rates_in_another_form_are_compared_with_nothing(scope: Scope) -> None:
    rates = rate_rows(scope, rate).assign(form="open")
    assert not list(paper_pairs(rates, CLAIMS, scope, "V")) and not plot_against_paper(rates, CLAIMS, scope)


def test_the_papers_value_is_across_and_ours_up(scope: Scope) -> None:
    saved = Saved()
    draw_against_paper(rate_rows(scope, rate), CLAIMS, scope, Path(), saved)
    assert set(saved.figures) == {"paper-V", "paper-D"}
    marks = [line for line in saved.axes("paper-V").lines if line.get_url()]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [(0.7, 0.6), (0.3, 0.6), (0.5, 0.4)]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, False, True], "open: post-trained"
    bars = [list(line.get_ydata()) for line in saved.axes("paper-V").lines[1::2]]
    assert bars[0] == pytest.approx([0.5, 0.7])


def test_a_version_without_a_cell_has_no_figure(scope: Scope) -> None:
    saved = Saved()
    draw_against_paper(rate_rows(scope, rate), CLAIMS[:3], scope, Path(), saved)
    assert set(saved.figures) == {"paper-V"} == set(plot_against_paper(rate_rows(scope, rate), CLAIMS[:3], scope))


def test_a_mark_that_is_pointed_at_says_where_the_paper_has_its_figure(scope: Scope) -> None:
    figure = plot_against_paper(rate_rows(scope, rate), CLAIMS, scope)["paper-V"]
    assert [trace["name"] for trace in figure["data"]] == ["unfiltered", "filtered"], "a trace an arm"
    filtered = figure["data"][1]
    assert (filtered["x"], filtered["y"]) == ([0.3, 0.5], [0.6, 0.4])
    assert filtered["marker"]["symbol"] == ["circle", "circle-open"]
    assert "<b>filtered</b> dpo, Articles<br>paper 0.500: table 1<br>" in filtered["text"][1]
    (diagonal,) = figure["layout"]["shapes"]
    assert (diagonal["x0"], diagonal["y0"]) == (0, 0) and (diagonal["x1"], diagonal["y1"]) == (1, 1)
