"""The mean over families crossed with seeds, by hand on studies small enough to be reckoned with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.reporting.crossed import crossed_mean

TWO_FAMILIES = np.array([0, 0, 1, 1])


def test_families_of_one_size_vary_as_a_sample_of_means_does() -> None:
    """Three families of two items that agree: s^2 / G, with G - 1 degrees of freedom."""
    found = crossed_mean(np.array([[0.0, 0.0, 0.5, 0.5, 1.0, 1.0]]), np.repeat(np.arange(3), 2))
    assert found.mean == pytest.approx(0.5) and found.by_family.tolist() == [0, 0.5, 1]
    assert found.variance_families == pytest.approx(0.25 / 3)
    assert found.df_families == pytest.approx(2) and found.effective_families == pytest.approx(3)
    assert found.variance_seeds == 0 and found.df_seeds == 1


def test_items_count_equally_whatever_the_size_of_their_family() -> None:
    found = crossed_mean(np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([0, 1, 1, 1]))
    assert found.mean == pytest.approx(0.25)
    assert found.effective_families == pytest.approx(1 / (0.25**2 + 0.75**2))


def test_seeds_that_move_every_family_alike_are_all_of_the_variance() -> None:
    """The seeds' means are 0.2, 0.4 and 0.9, and nothing else varies: the variance of a mean of three."""
    means = np.array([0.2, 0.4, 0.9])
    found = crossed_mean(np.repeat(means[:, None], 4, axis=1), TWO_FAMILIES)
    assert found.variance_seeds == pytest.approx(means.var(ddof=1) / 3)
    assert found.variance_families == pytest.approx(0) and found.df_seeds == 2


def test_seeds_that_differ_by_chance_of_cells_alone_add_nothing() -> None:
    """One seed is high where the other is low: their means are equal, and cells explain what differs."""
    found = crossed_mean(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]), TWO_FAMILIES)
    assert found.mean == pytest.approx(0.5) and found.variance_seeds == 0


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=8, max_size=8), st.floats(0.1, 3), st.floats(-1, 1))
def test_variances_follow_the_scale_and_not_the_place(scores: list[float], scale: float, shift: float) -> None:
    values = np.array(scores).reshape(2, 4)
    found, moved = crossed_mean(values, TWO_FAMILIES), crossed_mean(scale * values + shift, TWO_FAMILIES)
    assert moved.mean == pytest.approx(scale * found.mean + shift)
    for name in ("variance_families", "variance_seeds"):
        assert getattr(moved, name) == pytest.approx(scale**2 * getattr(found, name), abs=1e-9)
    assert moved.df_families == pytest.approx(found.df_families, rel=1e-4)


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=6, max_size=6), st.integers(1, 4))
def test_one_training_given_again_and_again_is_not_taken_for_more_knowledge_of_families(
    scores: list[float], copies: int
) -> None:
    one = np.array([scores])
    families = np.array([0, 0, 0, 1, 1, 2])
    found, again = crossed_mean(one, families), crossed_mean(np.repeat(one, copies, axis=0), families)
    assert again.variance_families == pytest.approx(found.variance_families)
    assert again.variance_seeds == pytest.approx(0) and again.df_families == pytest.approx(found.df_families)
