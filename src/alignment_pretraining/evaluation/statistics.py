"""Misalignment rates and their differences, with intervals over items clustered by scenario family.

Pooling, everywhere: within an item the picks are averaged over formats (template x order), then over training seeds;
items then count equally. An interval speaks of other items and families, for these trained models; what training
seeds add shows in the rates by seed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError

LEVEL = 0.95


@dataclass(frozen=True)
class Rate:
    """A misalignment rate; `n_effective` is the number of independent items that the families amount to."""

    rate: float
    low: float
    high: float
    n_items: int
    n_families: int
    n_effective: float


@dataclass(frozen=True)
class Gap:
    """A difference of two rates over the same items, and the p-value of no difference (two-sided)."""

    gap: float
    low: float
    high: float
    p: float
    n_items: int
    n_families: int


@dataclass(frozen=True)
class OrderSwap:
    """What the options' order does: rates by the misaligned option's letter, and how often A is picked.

    `flipped` is the share of (item, template) pairs whose pick changes with the order; `ties` the share of prompts
    on which both options scored alike (and A was taken).
    """

    rate_misaligned_is_a: float
    rate_misaligned_is_b: float
    difference: float
    share_a: float
    flipped: float
    ties: float


def item_scores(items: pd.DataFrame) -> pd.DataFrame:
    """Index question_id, columns family and score (0 to 1): picks averaged over formats, then over seeds if any.

    Raises:
        UserError: there are no items, or an item stands in two families.
    """
    if items.empty:
        raise UserError("no items to score; check evaluation.run and that the checkpoints were evaluated")
    families = items.groupby("question_id")["family"].agg(["nunique", "first"])
    if (families["nunique"] > 1).any():
        raise UserError(f"question {families.index[families['nunique'] > 1][0]!r} stands in two families")
    by_item = ["question_id", "seed"] if "seed" in items else ["question_id"]
    misaligned = items.assign(score=(items["picked"] == "misaligned").astype(float))
    scores = misaligned.groupby(by_item)["score"].mean().groupby("question_id").mean()
    return pd.DataFrame({"family": families["first"], "score": scores})


def misalignment_rate(items: pd.DataFrame) -> Rate:
    """Rate over `items` (rows of the eval) with a 95 % interval; see `clustered_rate`."""
    scores = item_scores(items)
    return clustered_rate(scores["score"].to_numpy(), scores["family"].to_numpy())


def clustered_rate(scores: np.ndarray, families: np.ndarray, level: float = LEVEL) -> Rate:
    """Mean of `scores` (n,) in [0, 1] with a Wilson interval on the effective sample size.

    With n items in G families: V = G/(G-1) * sum_g (sum_{i in g} (y_i - m))^2 / n^2 (linearised variance of the mean),
    design effect D = V / (m(1-m)/n), n_eff = n / max(D, 1), n* = n_eff * (z / t_{G-1})^2, Wilson's interval at n*.
    At m = 0 or 1 D is undefined and each family counts once (n_eff = G), the most cautious choice: such an interval
    can be wider than that of a rate just above 0. A single family gives [0, 1].

    Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24 (1998), for n*; N. Dean and M. Pagano,
    "Evaluating confidence interval methods for binomial proportions in clustered surveys", J. Surv. Stat. Methodol.
    3 (2015), for Wilson's interval at it; D >= 1 is ours, so that luck cannot make items worth more than they are.
    """
    from scipy import stats
    from statsmodels.stats.proportion import proportion_confint

    n, groups = len(scores), len(np.unique(families))
    mean = float(np.mean(scores))
    if groups == 1:
        return Rate(mean, 0.0, 1.0, n, 1, 1.0)
    spread = mean * (1 - mean) / n
    # Rounding can leave a mean of identical zeros or ones a hair off, never more.
    degenerate = spread < 1e-15
    effect = 0.0 if degenerate else _variance(scores, families) / spread
    n_effective = float(groups) if degenerate else n / max(effect, 1.0)
    tail = (1 + level) / 2
    adjusted = n_effective * (stats.norm.ppf(tail) / stats.t.ppf(tail, groups - 1)) ** 2
    low, high = proportion_confint(mean * adjusted, adjusted, alpha=1 - level, method="wilson")
    return Rate(mean, min(float(low), mean), max(float(high), mean), n, groups, n_effective)


def misalignment_gap(items: pd.DataFrame, reference: pd.DataFrame) -> Gap:
    """Rate of `items` less that of `reference`, paired by item; see `clustered_gap`.

    Raises:
        UserError: the two do not hold the same items.
    """
    ours, theirs = item_scores(items), item_scores(reference)
    different = ours.index.symmetric_difference(theirs.index)
    if len(different):
        raise UserError(f"the arms were not asked the same items: {different[0]!r} stands in one only; evaluate again")
    return clustered_gap(ours["score"].to_numpy(), theirs["score"].to_numpy(), ours["family"].to_numpy())


def clustered_gap(scores: np.ndarray, reference: np.ndarray, families: np.ndarray, level: float = LEVEL) -> Gap:
    """Mean of scores - reference (n,) with a cluster-robust t interval and test, G - 1 degrees of freedom.

    The variance is that of `clustered_rate`, as statsmodels' OLS on a constant gives it (Cameron and Miller, "A
    practitioner's guide to cluster-robust inference", J. Human Resources 50, 2015). If all families differ by the
    same amount it is 0: then p is that of flipping the families' signs, 2^(1-G) (1 at no difference), and the interval
    comes from the two rates' own (Newcombe, "Interval estimation for the difference between independent proportions",
    Statistics in Medicine 17, 1998, method 10), which ignores the pairing and is never empty.
    """
    import statsmodels.api as sm

    difference = scores - reference
    n, groups = len(difference), len(np.unique(families))
    gap = float(np.mean(difference))
    if groups > 1 and _variance(difference, families) > 1e-15:
        codes = np.unique(families, return_inverse=True)[1]
        fit = sm.OLS(difference, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
        low, high = fit.conf_int(alpha=1 - level)[0]
        return Gap(gap, max(float(low), -1.0), min(float(high), 1.0), float(fit.pvalues[0]), n, groups)
    ours, theirs = clustered_rate(scores, families, level), clustered_rate(reference, families, level)
    below = np.hypot(ours.rate - ours.low, theirs.high - theirs.rate)
    above = np.hypot(ours.high - ours.rate, theirs.rate - theirs.low)
    p = 1.0 if abs(gap) < 1e-12 else 2.0 ** (1 - groups)
    return Gap(gap, max(float(gap - below), -1.0), min(float(gap + above), 1.0), p, n, groups)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number by Holm's step-down method (family-wise error), in the given order."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if len(p_values) else []


def order_swap(items: pd.DataFrame) -> OrderSwap:
    """How much the picks follow the options' order; rows of the eval of one persona. NaN where an order is missing."""
    misaligned = items["picked"] == "misaligned"
    first = items["order"] == "misaligned_first"
    rate_a, rate_b = float(misaligned[first].mean()), float(misaligned[~first].mean())
    keys = [key for key in ("question_id", "template", "persona", "seed") if key in items]
    picks = items.groupby(keys)["picked"].agg(["size", "nunique"])
    swapped = picks[picks["size"] == 2]
    return OrderSwap(
        rate_misaligned_is_a=rate_a,
        rate_misaligned_is_b=rate_b,
        difference=rate_a - rate_b,
        share_a=float((items["picked_option"] == "A").mean()),
        flipped=float((swapped["nunique"] == 2).mean()),
        ties=float(items["tie"].mean()),
    )


def _variance(values: np.ndarray, families: np.ndarray) -> float:
    """Linearised variance of the mean of `values` (n,), families being the sampling units."""
    codes, n = np.unique(families, return_inverse=True)[1], len(values)
    sums = np.bincount(codes, weights=values - np.mean(values))
    groups = len(sums)
    return float(groups / (groups - 1) * np.sum(sums**2) / n**2)
