"""Estimates and their intervals: their properties. How well they cover the truth is in benchmarks/intervals.py."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, example, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from alignment_pretraining.reporting.crossed import crossed_mean
from alignment_pretraining.reporting.statistics import estimate
from alignment_pretraining.reporting.verdicts import equivalence
from tests.reporting.crossed_studies import FOURS, MINUS, ONE, crossed_study

Study = tuple[np.ndarray, np.ndarray]


@st.composite
def answers(draw: st.DrawFn) -> Study:
    """Scores (C, S, n) and family codes of a small study."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=2, max_size=8))
    seeds = draw(st.integers(1, 4))
    shape = (2, seeds, sum(sizes))
    picks = draw(st.lists(st.integers(0, 8), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(picks).reshape(shape) / 8, np.repeat(np.arange(len(sizes)), sizes)


@given(answers(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_intervals_hold_the_value_stay_on_the_scale_and_are_never_empty(study: Study, level: float) -> None:
    values, families = study
    for found in (estimate(values[:1], families, ONE), estimate(values, families, MINUS)):
        low, high = found.interval(level)
        assert found.lowest - 1e-9 <= low <= found.value <= high <= found.highest + 1e-9
        assert high - low > 1e-3
        assert 0 <= found.seed_share <= 1


@given(answers())
def test_intervals_mirror_when_the_options_or_the_arms_change_places(study: Study) -> None:
    values, families = study
    low, high = estimate(values[:1], families, ONE).interval()
    assert estimate(1 - values[:1], families, ONE).interval() == pytest.approx((1 - high, 1 - low), abs=1e-8)
    found, back = estimate(values, families, MINUS), estimate(values, families, -MINUS)
    low, high = found.interval()
    assert back.interval() == pytest.approx((-high, -low), abs=1e-8)
    assert back.p() == pytest.approx(found.p(), rel=1e-6, abs=1e-12)


@given(answers(), st.floats(-0.9, 0.9), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_p_value_and_the_interval_agree(study: Study, null: float, level: float) -> None:
    found = estimate(*study, MINUS)
    low, high = found.interval(level)
    assume(min(abs(low - null), abs(high - null)) > 1e-6)
    assert (found.p(null) < 1 - level) == (not low < null < high)


@given(answers(), st.floats(0.01, 0.99))
def test_equivalent_means_that_the_90_percent_interval_lies_within_the_margin(study: Study, margin: float) -> None:
    found = estimate(*study, MINUS)
    low, high = found.interval(0.9)
    assume(min(abs(low + margin), abs(high - margin)) > 1e-6)
    assert (found.p_within(margin) < 0.05) == (-margin < low and high < margin)
    assert (equivalence(found, margin).verdict == "equivalent") == (-margin < low and high < margin)


@given(answers())
def test_nothing_hangs_on_the_order_of_families_and_seeds(study: Study) -> None:
    values, families = study
    shuffled = np.random.default_rng(0).permutation(len(families))
    found, again = estimate(values, families, MINUS), estimate(values[:, ::-1, shuffled], families[shuffled], MINUS)
    assert again.interval() == pytest.approx(found.interval(), abs=1e-8)


@given(answers())
def test_many_studies_at_once_give_what_each_gives_alone(study: Study) -> None:
    values, families = study
    other = values[:, :, ::-1]
    both = estimate(np.stack([values, other]), families, MINUS)
    for index, alone in enumerate((estimate(values, families, MINUS), estimate(other, families, MINUS))):
        assert [part[index] for part in both.interval()] == pytest.approx(alone.interval(), abs=1e-8)
        assert both.p()[index] == pytest.approx(alone.p(), rel=1e-6, abs=1e-12)


@given(st.integers(2, 40), st.integers(1, 5), st.integers(1, 4), st.sampled_from([0.0, 1.0]))
def test_all_alike_leaves_doubt_about_other_families(groups: int, each: int, seeds: int, value: float) -> None:
    families = np.repeat(np.arange(groups), each)
    low, high = estimate(np.full((1, seeds, len(families)), value), families, ONE).interval()
    assert high - low > 1 / (groups + 4)


@pytest.mark.parametrize(("ours", "theirs"), [(1.0, 0.0), (0.5, 0.5), (0.0, 0.0), (0.75, 0.25)])
def test_the_interval_does_not_jump_when_all_families_differ_by_the_same(ours: float, theirs: float) -> None:
    values = np.broadcast_to(np.array([ours, theirs])[:, None, None], (2, 3, 64)).copy()
    alike = np.array(estimate(values, FOURS, MINUS).interval())
    gentle = values + np.linspace(-1e-6, 1e-6, 64) * np.array([1, -1])[:, None, None]
    assert estimate(np.clip(gentle, 0, 1), FOURS, MINUS).interval() == pytest.approx(alike, abs=1e-3)
    widths = []
    for deviating in (0.0, 0.001, 0.002, 0.005, 0.01):  # of one family in 16
        moved = values.copy()
        moved[1, :, :4] += deviating if theirs < 0.5 else -deviating
        low, high = estimate(moved, FOURS, MINUS).interval()
        widths.append(high - low)
    assert np.abs(np.diff(widths)).max() < 0.15 * widths[0]


def test_a_rate_beside_zero_is_no_surer_than_one_of_zero_by_much() -> None:
    values = np.zeros((1, 3, 64))
    nothing = estimate(values, FOURS, ONE).interval()[1]
    values[0, 0, 0] = 1 / 8
    assert nothing * 0.6 < estimate(values, FOURS, ONE).interval()[1] < nothing * 1.4


@pytest.mark.parametrize("each", [1, 5])
def test_with_equal_families_of_one_seed_the_variance_is_that_of_cluster_robust_least_squares(each: int) -> None:
    generator = np.random.default_rng(0)
    families = np.repeat(np.arange(20), each)
    scores = generator.random(20)[families] * 0.6 + generator.random(len(families)) * 0.4
    found = crossed_mean(scores[None], families)
    fit = sm.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds={"groups": families})
    assert found.variance_families == pytest.approx(fit.bse[0] ** 2)
    assert found.df_families == pytest.approx(19)


@pytest.mark.parametrize("agree", [True, False])
def test_variance_of_unequal_families_is_unbiased_and_has_the_degrees_of_freedom_of_its_eigenvalues(
    agree: bool,
) -> None:
    """At the two ends of the working model: items of a family agree wholly, or no more than others."""
    sizes = np.array([2, 4, 20, 6, 10])
    families = np.repeat(np.arange(5), sizes)
    values = np.repeat(np.linspace(0, 1, 5), sizes) if agree else np.tile([0.2, 0.8], 21)
    found = crossed_mean(values[None], families)
    variance, share = np.ones(5) if agree else 1 / sizes, sizes / sizes.sum()
    residual = np.eye(5) - np.outer(np.ones(5), share)
    covariance = residual @ np.diag(variance) @ residual.T
    weight = share**2 * variance / np.diag(covariance)
    eigenvalues = np.linalg.eigvalsh(np.sqrt(np.outer(weight, weight)) * covariance)
    assert eigenvalues.sum() == pytest.approx(share**2 @ variance)
    assert found.df_families == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    assert found.variance_families == pytest.approx(weight @ (found.by_family - found.mean) ** 2)


def test_many_families_of_one_question_give_wilsons_interval() -> None:
    scores = np.repeat([0.0, 1.0], [1400, 600])[None, None]
    found = estimate(scores, np.arange(2000), ONE)
    assert found.interval() == pytest.approx(proportion_confint(600, 2000, method="wilson"), abs=3e-4)


def test_many_families_and_no_seeds_give_the_paired_t_test() -> None:
    values = crossed_study(0, 0.05, seeds=1, groups=400)
    families = np.repeat(np.arange(400), 4)
    by_family = (values[0, 0] - values[1, 0]).reshape(400, 4).mean(1)
    t = sm.stats.DescrStatsW(by_family)
    assert estimate(values, families, MINUS).interval() == pytest.approx(t.tconfint_mean(), abs=1e-3)


def test_seeds_that_differ_widen_the_interval_and_one_seed_says_it_is_over_families() -> None:
    steady, restless = (estimate(crossed_study(1, 0.2, wander=wander), FOURS, MINUS) for wander in (0.0, 0.1))
    assert np.diff(restless.interval()) > 2 * np.diff(steady.interval())
    assert restless.seed_share > 0.8
    assert restless.over == "families and seeds"
    assert estimate(crossed_study(1, 0.2, seeds=1), FOURS, MINUS).over == "families"


def test_one_family_says_nothing_about_others() -> None:
    found = estimate(np.array([[[0.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]]]), np.zeros(3, int), MINUS)
    assert found.interval() == (-1, 1)
    assert found.p() == 1


def test_a_null_or_margin_off_the_scale_is_refused() -> None:
    found = estimate(crossed_study(2, 0.2), FOURS, MINUS)
    with pytest.raises(ValueError, match="scale"):
        found.p(1.5)
    for margin, said in ((0.0, "margin"), (1.0, "scale")):
        with pytest.raises(ValueError, match=said):
            found.p_within(margin)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(1, 12), st.integers(1, 12), st.integers(2, 4))
@example([1, 1, 8], 1, 11, 3)  # the families' correlation was of rounding alone
def test_trainings_that_are_all_alike_give_the_interval_of_one(
    sizes: list[int], hits: int, of: int, seeds: int
) -> None:
    """Rounding is no variance between trainings."""
    families = np.repeat(np.arange(len(sizes)), sizes)
    values = np.full((1, seeds, len(families)), min(hits, of) / of)
    found, one = estimate(values, families, ONE), estimate(values[:, :1], families, ONE)
    assert found.seed_share == 0
    assert found.interval() == pytest.approx(one.interval(), abs=0.02)
