"""Verdicts on declared contrasts."""

import pytest

from alignment_pretraining.reporting.statistics import Estimate, estimate
from alignment_pretraining.reporting.verdicts import Expected, Primary, holm, judge, verdict
from tests.reporting.crossed_studies import FOURS, MINUS, crossed_study


def of_effect(effect: float, wander: float = 0.01) -> Estimate:
    return estimate(crossed_study(7, effect, wander=wander), FOURS, MINUS)


@pytest.mark.parametrize(
    ("expected", "margin", "effect", "wander", "verdict"),
    [
        ("higher", None, 0.5, 0.01, "shown"),
        ("lower", None, -0.5, 0.01, "shown"),
        ("higher", None, -0.5, 0.01, "opposite"),
        ("higher", None, 0.0, 0.01, "not shown"),
        ("higher", 0.2, 0.0, 0.01, "equivalent"),
        ("higher", 0.2, 0.0, 0.2, "not shown"),
        ("equivalent", 0.2, 0.0, 0.01, "equivalent"),
        ("equivalent", 0.2, 0.6, 0.01, "opposite"),
        ("equivalent", 0.2, 0.2, 0.05, "undecided"),
    ],
)
def test_verdicts(expected: Expected, margin: float | None, effect: float, wander: float, verdict: str) -> None:
    table = judge({"a": of_effect(effect, wander)}, [Primary("a", expected, margin)])
    assert table.loc[0, "verdict"] == verdict


def test_holm_is_taken_over_the_declared_contrasts_alone() -> None:
    estimates = {f"c{i}": of_effect(effect) for i, effect in enumerate((0.05, 0.3, 0.1, 0.0))}
    declared = [Primary("c0", "higher"), Primary("c3", "equivalent", 0.2), Primary("never run", "lower")]
    table = judge(estimates, declared).set_index("name")
    assert table["primary"].tolist() == [True, False, False, True]
    assert table.loc[["c1", "c2"], ["p_holm", "verdict"]].isna().all(axis=None)
    smaller, larger = sorted((float(estimates["c0"].p()), float(estimates["c3"].p_within(0.2))))
    assert sorted(table.loc[["c0", "c3"], "p_holm"].to_list()) == pytest.approx(
        [3 * smaller, max(2 * larger, 3 * smaller)]
    )
    assert judge(estimates)["verdict"].isna().all()
    assert judge({}).empty


def test_a_corrected_p_value_decides() -> None:
    found = of_effect(0.5)
    assert verdict(Primary("a", "higher"), found, 0.06) == "not shown"
    with pytest.raises(ValueError, match="margin"):
        Primary("a", "equivalent")


def test_p_values_are_adjusted_in_the_given_order() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []
