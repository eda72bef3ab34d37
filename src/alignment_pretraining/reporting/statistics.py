"""An estimate on a bounded scale: its interval at any level, its p-value, and whether it is as good as zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from alignment_pretraining.reporting.crossed import ROUNDING, crossed_mean

# A family deviates fully from the others when it does so by this much; see `_unanimity`.
DEVIATION = 0.02
# How far from the others a family of which nothing was seen is thought to lie, on the scale of a rate.
UNSEEN = 0.5

Floats = Any  # a float, or an array of them: an Estimate may hold many


@dataclass(frozen=True)
class Estimate:
    """A rate or a contrast of rates, expected over new families and, with two seeds or more, over new trainings.

    `n_effective` is the number of independent yes-or-no answers that would leave the same doubt, on the scale from
    `lowest` to `highest`; `seed_share` is the part of the variance that trainings add.
    """

    value: Floats
    lowest: float
    highest: float
    n_effective: Floats
    seed_share: Floats
    df_families: Floats
    df_seeds: int
    n_items: int
    n_families: int
    n_seeds: int

    @property
    def over(self) -> Literal["families", "families and seeds"]:
        """What the interval generalises to; with one seed nothing is said about other trainings."""
        return "families and seeds" if self.n_seeds > 1 else "families"

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Wilson's score interval (JASA 22, 1927) at `n_effective`, with the critical value of `_critical`.

        Source of its use with clustered items: Korn and Graubard, Survey Methodology 24 (1998); Dean and Pagano,
        J. Survey Statistics and Methodology 3 (2015). It stays inside the scale and is lopsided near its ends.
        """
        n, q, c = self.n_effective, self._unit(self.value), self._critical((1 - level) / 2)
        middle, half = n * q + c**2 / 2, c * np.sqrt(n * q * (1 - q) + c**2 / 4)
        span = self.highest - self.lowest
        low, high = ((middle + side * half) / (n + c**2) * span + self.lowest for side in (-1, 1))
        # Rounding must not put the value outside.
        return np.minimum(low, self.value), np.maximum(high, self.value)

    def p(self, null: float = 0.0) -> Floats:
        """Two-sided p-value of `null`: below 1 - level exactly where the interval of that level leaves `null` out.

        Raises:
            ValueError: `null` is not inside the scale, as 0 is not for a rate.
        """
        return np.minimum(2 * self._tail(np.abs(self._distance(null))), 1.0)

    def p_within(self, margin: float) -> Floats:
        """p-value of lying beyond `margin` of zero, the larger of two one-sided tests: small means as good as zero.

        Source: Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987): TOST.

        Raises:
            ValueError: `margin` is not above 0 and inside the scale.
        """
        if margin <= 0:
            raise ValueError(f"the margin {margin} is not above 0")
        distances = self._distance(-margin), -self._distance(margin)
        return np.maximum(*(np.where(x > 0, self._tail(np.abs(x)), 1 - self._tail(np.abs(x))) for x in distances))

    def _unit(self, value: Floats) -> Floats:
        return (value - self.lowest) / (self.highest - self.lowest)

    def _distance(self, null: float) -> Floats:
        at = self._unit(null)
        if not 0 < at < 1:
            raise ValueError(f"{null} is not inside the scale from {self.lowest} to {self.highest}")
        return (self._unit(self.value) - at) * np.sqrt(self.n_effective / (at * (1 - at)))

    def _critical(self, tail: Floats) -> Floats:
        """Student's quantiles for families and for seeds, weighted by their shares of the variance.

        Source: Cochran and Cox, Experimental Designs (1950), section 4.14. With 3 seeds it covers better than
        Satterthwaite's degrees of freedom for the sum of both, which trust a seed variance that is small by luck.
        """
        from scipy.special import stdtrit

        families, seeds = -stdtrit(self.df_families, tail), -stdtrit(self.df_seeds, tail)
        return (1 - self.seed_share) * families + self.seed_share * seeds

    def _tail(self, distance: Floats) -> Floats:
        """One-sided p-value of a distance >= 0: the tail whose critical value it is, by bisection of its logarithm."""
        from scipy.special import stdtr

        of_families, of_seeds = stdtr(self.df_families, -distance), stdtr(self.df_seeds, -distance)
        low = np.log(np.maximum(np.minimum(of_families, of_seeds), 1e-300))
        high = np.log(np.maximum(np.maximum(of_families, of_seeds), 1e-300))
        for _ in range(50):
            middle = (low + high) / 2
            beyond = self._critical(np.exp(middle)) < distance
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.exp((low + high) / 2)


def estimate(values: np.ndarray, families: np.ndarray, weights: np.ndarray) -> Estimate:
    """Sum over cells of weight times rate: `values` (..., C, S, n) in [0, 1], `families` (n,) codes, `weights` (C,).

    One cell of weight 1 is a rate, weights 1 and -1 a difference of rates paired by item and by seed. A single family
    says nothing about others: the interval is then the whole scale.
    """
    weights = np.asarray(weights, float)
    lowest, span = float(np.minimum(weights, 0).sum()), float(np.abs(weights).sum())
    n_families, (n_seeds, n_items) = int(families.max()) + 1, values.shape[-2:]
    scores = np.einsum("c,...csn->...sn", weights, values)
    if n_families == 1:
        value = scores.mean((-2, -1))
        none = np.zeros_like(value)
        return Estimate(value, lowest, lowest + span, none, none, none + 1, 1, n_items, 1, n_seeds)
    found = crossed_mean(scores, families)
    variance = found.variance_families + found.variance_seeds
    seed_share = np.divide(found.variance_seeds, variance, out=np.zeros_like(variance), where=variance > ROUNDING)
    q = (found.mean - lowest) / span
    alike, count = _unanimity(found.by_family), found.effective_families
    unseen = alike * UNSEEN / (count + 2) ** 2
    n_effective = (q * (1 - q) + unseen * count) / ((variance + unseen * UNSEEN * (weights**2).sum()) / span**2)
    return Estimate(
        found.mean, lowest, lowest + span, n_effective, seed_share, found.df_families, found.df_seeds,
        n_items, n_families, n_seeds,
    )  # fmt: skip


def _unanimity(by_family: np.ndarray) -> np.ndarray:
    """2^-E, E being the number of families that deviate from the median one, each counted by how far it does, up to 1.

    Where all families agree their variance is 0, and yet another family may differ. So `estimate` adds, with this
    weight, what a family unlike the others would bring: the variance `UNSEEN`^2 sum(weights^2) / (G + 2)^2, in the
    manner of Bonett and Price's added observations (J. Educational and Behavioral Statistics 37, 2012). At a
    rate of exactly 0 or 1 it makes n_effective G / `UNSEEN`. It fades without a jump as families come to differ.
    """
    deviation = np.abs(by_family - np.median(by_family, axis=-1, keepdims=True))
    count: np.ndarray = np.minimum(deviation / DEVIATION, 1).sum(-1)
    return 2.0**-count
