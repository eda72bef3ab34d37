"""Contrasts over families and seeds: what a reader of an interval relies on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.estimates import contrast, estimate, scores, two_way, verdict

# A busy machine is no reason to fail.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

FAMILIES = np.repeat([f"family-{n}" for n in range(8)], 5)

values = npst.arrays(float, (3, 40), elements=st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]))


@given(values)
def test_an_interval_holds_its_estimate_and_stays_within_bounds(found: np.ndarray) -> None:
    result = estimate(found, FAMILIES, [0, 1, 2])
    assert -1 <= result.low <= result.value <= result.high <= 1
    assert result.low <= result.low90 <= result.high90 <= result.high
    assert 0 < result.p <= 1


@given(values)
def test_exchanging_the_sides_turns_the_sign(found: np.ndarray) -> None:
    one, other = estimate(found, FAMILIES, [0, 1, 2]), estimate(-found, FAMILIES, [0, 1, 2])
    assert one.value == pytest.approx(-other.value)
    assert one.low == pytest.approx(-other.high)
    assert one.p == pytest.approx(other.p)


@given(values, st.permutations(range(40)))
def test_the_order_of_items_does_not_matter(found: np.ndarray, order: list[int]) -> None:
    one, other = estimate(found, FAMILIES, [0, 1, 2]), estimate(found[:, order], FAMILIES[order], [0, 1, 2])
    assert one.low == pytest.approx(other.low)
    assert one.p == pytest.approx(other.p)


def test_the_interval_does_not_jump_where_all_families_agree() -> None:
    same = np.ones((3, 40))
    nearly = same.copy()
    nearly[0, 0] = 0.0
    assert abs(estimate(same, FAMILIES, [0, 1, 2]).low - estimate(nearly, FAMILIES, [0, 1, 2]).low) < 0.1
    assert estimate(same, FAMILIES, [0, 1, 2]).low < 1


def test_a_spread_of_seeds_counts() -> None:
    apart = np.repeat([[0.0], [0.5], [1.0]], 40, axis=1)
    assert two_way(apart, FAMILIES).se == pytest.approx(0.5 / np.sqrt(3))
    assert two_way(apart, FAMILIES).df == pytest.approx(2)
    assert two_way(apart[:1], FAMILIES).over == "families"


def test_without_seeds_it_is_the_textbook_interval_of_equal_clusters() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(1, 40))
    means = found[0].reshape(8, 5).mean(axis=1)
    spread = two_way(found, FAMILIES)
    assert spread.se == pytest.approx(means.std(ddof=1) / np.sqrt(8))
    assert spread.df == pytest.approx(7)


def test_unequal_families_have_fewer_degrees_of_freedom() -> None:
    sizes = (1, 1, 1, 1, 1, 30)
    families = np.repeat([str(n) for n in range(6)], sizes)
    assert two_way(np.random.default_rng(0).normal(size=(1, 35)), families).df < 3


def _items(picks: dict[int, list[str]]) -> pd.DataFrame:
    rows = [
        {"seed": seed, "question_id": f"q{n}", "family": f"f{n % 2}", "picked": pick}
        for seed, column in picks.items()
        for n, pick in enumerate(column)
    ]
    return pd.DataFrame(rows)


def test_contrasts_are_taken_on_shared_items_and_seeds() -> None:
    left = scores(_items({0: ["misaligned"] * 4, 1: ["misaligned"] * 4}))
    right = scores(_items({1: ["aligned", "aligned", "misaligned", "aligned"], 2: ["aligned"] * 4}))
    found = contrast(left, right)
    assert found.value == pytest.approx(0.75)
    assert found.by_seed == {1: pytest.approx(0.75)}
    assert found.over == "families"
    with pytest.raises(UserError, match="share no question or no seed"):
        contrast(left[[0]], right[[2]])


def test_a_seed_without_a_question_is_named() -> None:
    items = _items({0: ["aligned"] * 4, 1: ["aligned"] * 4})
    with pytest.raises(UserError, match="question 'q3' was not asked of every seed"):
        scores(items[~((items["seed"] == 1) & (items["question_id"] == "q3"))])


@pytest.mark.parametrize(
    ("level", "expect", "said"),
    [
        (1.0, "higher", "shown"),
        (1.0, "lower", "opposite"),
        (0.0, "higher", "not shown"),
        (0.0, "equal", "equal"),
        (1.0, "equal", "not equal"),
    ],
)
def test_verdicts(level: float, expect: str, said: str) -> None:
    found = estimate(np.full((3, 40), level), FAMILIES, [0, 1, 2])
    assert verdict(found, found.p, expect, margin=0.15) == said  # type: ignore[arg-type]
