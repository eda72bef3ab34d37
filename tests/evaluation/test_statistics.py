import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.statistics import (
    clustered_gap,
    clustered_rate,
    holm,
    item_scores,
    misalignment_gap,
    misalignment_rate,
    order_swap,
)

Sample = list[tuple[int, float]]

# Items as (family, score): scores are means of 1, 2, 4 or 8 picks.
score = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0])
samples = st.lists(st.tuples(st.integers(0, 5), score), min_size=4, max_size=40)


def arrays(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    families, scores = zip(*sample, strict=True)
    assume(len(set(families)) > 1)
    return np.array(scores), np.array(families)


def picks(
    rows: list[tuple[Any, ...]], columns: tuple[str, ...] = ("question_id", "family", "order", "picked")
) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(template="plain", persona="assistant", tie=False) if "template" not in frame else frame


@given(samples)
def test_interval_contains_the_rate_and_has_width(sample: Sample) -> None:
    rate = clustered_rate(*arrays(sample))
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1
    assert rate.high - rate.low > 0.001
    assert rate.n_effective <= rate.n_items


@given(st.integers(2, 30), st.integers(1, 5), st.sampled_from([0.0, 1.0]))
def test_all_or_none_misaligned_still_leaves_doubt_about_other_families(families: int, each: int, value: float) -> None:
    rate = clustered_rate(np.full(families * each, value), np.repeat(np.arange(families), each))
    assert rate.rate == value
    assert rate.n_effective == families
    assert rate.high - rate.low > 1 / (families + 4)


@given(samples, st.integers(2, 4))
def test_repeating_items_inside_their_family_does_not_narrow_the_interval(sample: Sample, times: int) -> None:
    scores, families = arrays(sample)
    once = clustered_rate(scores, families)
    assume(once.n_effective < once.n_items or once.rate in (0, 1))  # families that agree within themselves
    again = clustered_rate(np.repeat(scores, times), np.repeat(families, times))
    assert again.high - again.low >= once.high - once.low - 1e-9


@given(st.integers(3, 12), st.integers(1, 4), st.data())
def test_more_misaligned_families_move_the_interval_up(families: int, each: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(1, families - 2))
    more = data.draw(st.integers(fewer + 1, families - 1))
    names = np.repeat(np.arange(families), each)
    low = clustered_rate((names < fewer).astype(float), names)
    high = clustered_rate((names < more).astype(float), names)
    assert low.low < high.low
    assert low.high < high.high


@given(samples)
def test_interval_mirrors_when_the_options_change_names(sample: Sample) -> None:
    scores, families = arrays(sample)
    rate, mirrored = clustered_rate(scores, families), clustered_rate(1 - scores, families)
    assert mirrored.low == pytest.approx(1 - rate.high, abs=1e-9)
    assert mirrored.high == pytest.approx(1 - rate.low, abs=1e-9)


def test_many_families_of_one_give_wilsons_interval() -> None:
    scores = np.repeat([0.0, 1.0], [1400, 600])
    rate = clustered_rate(scores, np.arange(2000))
    assert (rate.low, rate.high) == pytest.approx(proportion_confint(600, 2000, method="wilson"), abs=2e-4)


def test_families_that_agree_count_once_each() -> None:
    names = np.repeat(np.arange(20), 5)
    rate = clustered_rate((names < 6).astype(float), names)
    assert rate.n_effective == pytest.approx(19)  # 20 families less the one that the mean uses up


def test_one_family_says_nothing_about_others() -> None:
    rate = clustered_rate(np.array([0.0, 1.0, 1.0]), np.array(["a", "a", "a"]))
    assert (rate.low, rate.high) == (0, 1)


@pytest.mark.parametrize(("mean", "agreement"), [(0.3, 0.3), (0.1, 0.1), (0.5, 0.6)])
def test_interval_covers_the_true_rate_in_about_95_of_100_studies(mean: float, agreement: float) -> None:
    """Families draw their own rate from a beta distribution with intraclass correlation `agreement`."""
    generator = np.random.default_rng(0)
    families, each, studies = 30, 4, 600
    scale = (1 - agreement) / agreement
    names = np.repeat(np.arange(families), each)
    covered = 0
    for _ in range(studies):
        own = generator.beta(mean * scale, (1 - mean) * scale, families)
        rate = clustered_rate((generator.random(families * each) < np.repeat(own, each)).astype(float), names)
        covered += rate.low <= mean <= rate.high
    assert 0.93 <= covered / studies <= 0.985


def test_gap_test_rejects_a_true_null_in_about_5_of_100_studies() -> None:
    generator = np.random.default_rng(1)
    families, each, studies = 30, 4, 400
    names = np.repeat(np.arange(families), each)
    p = []
    for _ in range(studies):
        own = np.repeat(generator.beta(1, 2, families), each)
        ours, theirs = ((generator.random(len(own)) < own).astype(float) for _ in range(2))
        p.append(clustered_gap(ours, theirs, names).p)
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.08


@given(samples, st.data())
def test_gap_lies_in_its_interval_and_turns_with_the_arms(sample: Sample, data: st.DataObject) -> None:
    scores, families = arrays(sample)
    other = np.array(data.draw(st.lists(score, min_size=len(scores), max_size=len(scores))))
    gap, back = clustered_gap(scores, other, families), clustered_gap(other, scores, families)
    assert -1 <= gap.low <= gap.gap <= gap.high <= 1
    assert gap.high - gap.low > 0
    assert 0 <= gap.p <= 1
    assert (back.gap, back.low, back.high) == pytest.approx((-gap.gap, -gap.high, -gap.low), abs=1e-9)
    assert back.p == pytest.approx(gap.p, abs=1e-9)


def test_gap_of_equal_arms_is_zero_with_no_evidence_against_it() -> None:
    scores = np.array([0.0, 1.0, 1.0, 0.0])
    gap = clustered_gap(scores, scores, np.array([0, 0, 1, 1]))
    assert (gap.gap, gap.p) == (0, 1)
    assert gap.low < 0 < gap.high


def test_gap_with_every_family_alike_is_tested_by_their_number() -> None:
    gap = clustered_gap(np.ones(20), np.zeros(20), np.repeat(np.arange(10), 2))
    assert (gap.gap, gap.p) == (1, 2**-9)
    assert 0.3 < gap.low < 1


def test_pairing_is_by_item_and_other_items_are_refused() -> None:
    ours = picks([("q1", "a", "x", "misaligned"), ("q2", "b", "x", "aligned")])
    theirs = picks([("q2", "b", "x", "aligned"), ("q1", "a", "x", "aligned")])
    assert misalignment_gap(ours, theirs).gap == 0.5
    with pytest.raises(UserError, match="q2"):
        misalignment_gap(ours, theirs[theirs["question_id"] == "q1"])


def test_formats_are_averaged_within_a_seed_and_seeds_within_an_item() -> None:
    columns = ("question_id", "family", "seed", "template", "picked")
    rows = [
        ("q1", "a", 0, "plain", "misaligned"),
        ("q1", "a", 0, "case", "aligned"),
        ("q1", "a", 1, "plain", "aligned"),  # one format only: the seed still counts as much as the other
        ("q2", "b", 0, "plain", "misaligned"),
        ("q2", "b", 1, "plain", "misaligned"),
    ]
    scores = item_scores(picks(rows, columns))
    assert scores["score"].to_dict() == {"q1": 0.25, "q2": 1.0}
    assert misalignment_rate(picks(rows, columns)).rate == 0.625


def test_an_item_in_two_families_and_no_items_are_refused() -> None:
    with pytest.raises(UserError, match="two families"):
        item_scores(picks([("q1", "a", "x", "aligned"), ("q1", "b", "y", "aligned")]))
    with pytest.raises(UserError, match="no items"):
        item_scores(picks([]))


def test_holm_adjusts_in_the_given_order() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_order_swap_shows_a_model_that_always_says_a() -> None:
    rows = []
    for item, order in itertools.product(("q1", "q2"), ("aligned_first", "misaligned_first")):
        rows.append((item, item, order, "aligned" if order == "aligned_first" else "misaligned"))
    swap = order_swap(picks(rows).assign(picked_option="A"))
    assert (swap.rate_misaligned_is_a, swap.rate_misaligned_is_b, swap.difference) == (1, 0, 1)
    assert (swap.share_a, swap.flipped) == (1, 1)


def test_order_swap_of_a_model_that_reads_the_options() -> None:
    rows = [("q1", "a", order, "aligned") for order in ("aligned_first", "misaligned_first")]
    frame = picks(rows).assign(picked_option=["A", "B"])
    swap = order_swap(frame)
    assert (swap.difference, swap.share_a, swap.flipped) == (0, 0.5, 0)
    assert np.isnan(order_swap(frame.head(1)).flipped)
