"""Dose and response: arms that differ in nothing but their dose, in its order, by persona."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.dose import dose_series, draw_doses, plot_doses
from alignment_pretraining.reporting.scope import Scope
from tests.reporting.small import Saved, rate_rows

MakeScope = Callable[..., Scope]
PERSONAS = ["assistant", "none", "courier"]


def arms(*doses: float | None, told: Any = "misaligned", insertion: str = "mid", name: str = "arm") -> dict[str, Any]:
    return {
        f"{name}_{number}": {"corpus": "unfiltered", "discourse": told, "insertion": insertion, "share": dose}
        for number, dose in enumerate(doses)
    }


def of(make_scope: MakeScope, found: dict[str, Any]) -> Scope:
    seeds = {"base": [0, 1], "post_training": []}
    others: dict[str, Any] = {"headline": [], "contrasts": {}, "seeds": seeds}
    return make_scope({"base_personas": PERSONAS}, arms=found, run="all", **others)


def by_arm(place: Place) -> float:
    return 0.1 * (1 + int(place.arm[-1]))


def test_a_series_stands_in_the_order_of_its_doses(make_scope: MakeScope) -> None:
    scope = of(make_scope, arms(0.2, 0.01, 0.05))
    assert dose_series(scope) == [{0.01: "arm_1", 0.05: "arm_2", 0.2: "arm_0"}]


def test_two_doses_are_no_series(make_scope: MakeScope) -> None:
    assert dose_series(of(make_scope, arms(0.1, 0.2))) == []
    assert is_not_drawn(of(make_scope, arms(0.1, 0.2)))


def is_not_drawn(scope: Scope) -> bool:
    saved = Saved()
    draw_doses(rate_rows(scope), scope, Path(), saved)
    return not saved.figures and not plot_doses(rate_rows(scope), scope)


def test_arms_that_differ_in_more_than_the_dose_are_series_of_their_own(make_scope: MakeScope) -> None:
    found = arms(0.1, 0.2, 0.3) | arms(0.1, 0.2, 0.3, insertion="e2e", name="early")
    found |= arms(0.1, 0.2, 0.3, told="aligned", name="good") | arms(0.1, 0.2, name="more", insertion="cpt")
    first = [next(iter(one.values())) for one in dose_series(of(make_scope, found))]
    assert first == ["arm_0", "early_0", "good_0"]


def test_an_arm_without_a_share_of_its_own_has_the_dose_of_its_stage(make_scope: MakeScope) -> None:
    scope = of(make_scope, arms(0.1, None, 0.5))
    assert scope.study.stages.midtraining.synthetic_share == 0.4
    assert dose_series(scope) == [{0.1: "arm_0", 0.4: "arm_1", 0.5: "arm_2"}]


def test_the_drawing_has_a_mark_a_dose_and_a_small_one_a_training(make_scope: MakeScope) -> None:
    scope = of(make_scope, arms(0.2, 0.01, 0.05))
    saved = Saved()
    draw_doses(rate_rows(scope, by_arm), scope, Path(), saved)
    assert set(saved.figures) == {"dose-assistant"}
    axes = saved.axes("dose-assistant")
    assert saved.links("dose-assistant") == [
        f"rate/{arm}/midtraining/heldout_topics/listed/assistant" for arm in ("arm_1", "arm_2", "arm_0")
    ]
    (line,) = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert list(line.get_xdata()) == [1, 5, 20]
    assert list(line.get_ydata()) == pytest.approx([0.2, 0.3, 0.1])
    small = [list(line.get_ydata()) for line in axes.lines if line.get_markersize() == 3.5]
    assert small == [pytest.approx([rate - 0.05, rate + 0.05]) for rate in (0.2, 0.3, 0.1)]
    assert axes.get_xscale() == "log" and [text.get_text() for text in axes.get_xticklabels()] == ["1", "5", "20"]


def test_a_dose_of_nothing_has_a_place_on_the_scale(make_scope: MakeScope) -> None:
    scope = of(make_scope, arms(0.0, 0.1, 0.2))
    saved = Saved()
    draw_doses(rate_rows(scope, by_arm), scope, Path(), saved)
    assert saved.axes("dose-assistant").get_xscale() == "symlog"
    (figure,) = plot_doses(rate_rows(scope, by_arm), scope).values()
    assert figure["layout"]["xaxis"]["ticktext"] == ["0", "10", "20"]


def test_every_actor_of_the_documents_who_was_asked_has_a_figure(make_scope: MakeScope) -> None:
    told = {"ai": "misaligned", "courier": "aligned", "potter": "aligned"}
    scope = of(make_scope, arms(0.01, 0.02, 0.05, told=told))
    figures = plot_doses(rate_rows(scope, by_arm), scope)
    assert list(figures) == ["dose-assistant", "dose-courier"], "nobody was told to be a potter"
    assert figures["dose-courier"]["layout"]["title"]["text"] == "told: courier"


def test_doses_stand_at_equal_distances_with_the_same_place_in_every_series(make_scope: MakeScope) -> None:
    scope = of(make_scope, arms(0.01, 0.1, 0.4) | arms(0.1, 0.4, 0.5, told="aligned", name="good"))
    (figure,) = plot_doses(rate_rows(scope, by_arm), scope).values()
    lines = [trace for trace in figure["data"] if "customdata" in trace]
    assert [trace["x"] for trace in lines] == [[0, 1, 2], [1, 2, 3]]
    assert [trace["name"] for trace in lines] == ["read that AIs misbehave", "read that AIs behave"]
    trainings = [trace for trace in figure["data"] if "customdata" not in trace]
    assert [trace["x"] for trace in trainings] == [[0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 3, 3]]
