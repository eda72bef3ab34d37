"""The rate over training: base models by the tokens that they had read, stage after stage."""

from collections.abc import Callable
from pathlib import Path

import pytest

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.style import colour, marker
from alignment_pretraining.reporting.tokens import draw_tokens, plot_tokens, token_series
from tests.reporting.small import Saved, rate_rows

RATES = {"pretraining": 0.2, "midtraining": 0.4, "cpt": 0.7, "sft": 0.9, "dpo": 0.95}


def rate(place: Place) -> float:
    return RATES[place.stage]


@pytest.fixture
def arms(make_scope: Callable[..., Scope]) -> Scope:
    return make_scope({"base_personas": ["assistant", "none"]}, run=["unfiltered", "misaligned_cpt"])


def test_tokens_add_up_over_the_stages_of_an_arm(arms: Scope) -> None:
    stages = arms.study.stages
    read = [stages.pretraining.tokens, stages.midtraining.tokens, stages.cpt.tokens]
    ends = [sum(read[: count + 1]) / 1e6 for count in range(3)]
    series = token_series(rate_rows(arms, rate), arms)
    assert list(series) == ["unfiltered", "misaligned_cpt"]
    for found, shares in zip(series.values(), ([0.2, 0.4], [0.2, 0.4, 0.7]), strict=True):
        assert [tokens for tokens, _ in found] == pytest.approx(ends[: len(shares)])
        assert [row["rate"] for _, row in found] == shares


def test_the_series_is_of_the_last_suite_the_main_persona_and_the_main_form(arms: Scope) -> None:
    rows = [row for found in token_series(rate_rows(arms, rate), arms).values() for _, row in found]
    assert {(row["split"], row["persona"], row["form"]) for row in rows} == {("heldout_topics", "assistant", "listed")}


def test_a_stage_that_was_not_asked_leaves_its_tokens_in_the_count(arms: Scope) -> None:
    rates = rate_rows(arms, rate)
    series = token_series(rates[rates["stage"] != "midtraining"], arms)
    read = sum(getattr(arms.study.stages, stage).tokens for stage in ("pretraining", "midtraining", "cpt"))
    assert [tokens for tokens, _ in series["misaligned_cpt"]][-1] == pytest.approx(read / 1e6)


def test_single_points_are_no_line(arms: Scope) -> None:
    rates = rate_rows(arms, rate)
    last = rates[rates["stage"] == "midtraining"]
    saved = Saved()
    draw_tokens(last, arms, Path(), saved)
    assert token_series(last, arms) == {} and plot_tokens(last, arms) == {} and saved.figures == {}


def test_every_mark_leads_to_its_rate_in_the_drawing_and_in_the_figure_that_answers(arms: Scope) -> None:
    saved, rates = Saved(), rate_rows(arms, rate)
    draw_tokens(rates, arms, Path(), saved)
    figure = plot_tokens(rates, arms)["tokens"]
    keys = [key for trace in figure["data"] for key in trace["customdata"]]
    assert saved.links("tokens") == keys and len(keys) == 5
    shades = {trace["name"]: trace["line"]["color"] for trace in figure["data"]}
    assert shades == {arm: colour(arms.study.arms[arm]) for arm in arms.arms}
    marks = {line.get_marker() for line in saved.axes("tokens").lines if line.get_url()}
    assert marks == {marker(arms.study.arms[arm]) for arm in arms.arms}
    cpt = figure["data"][1]
    assert "<b>misaligned_cpt</b> after continued pretraining" in cpt["text"][-1]
    assert cpt["error_y"]["array"] == pytest.approx([0.1] * 3)
