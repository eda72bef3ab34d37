"""Mean of scores over families of items crossed with training seeds, and where its uncertainty comes from.

Every model of one arm answers the same items, so a score has a family and a seed, and both are samples: of families
that could have been asked, and of trainings that could have been run. All arrays may have leading axes (many contrasts
or many simulated studies at once).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
# A variance of scores that are equal is no more than this; that of scores which differ is far above it.
ROUNDING = 1e-24


@dataclass(frozen=True)
class CrossedMean:
    """Mean over items and seeds, and its variance from two sources; `by_family` are means over seeds (..., G)."""

    mean: Array
    variance_families: Array
    df_families: Array
    variance_seeds: Array
    df_seeds: int
    by_family: Array
    effective_families: float


def crossed_mean(values: Array, families: Array) -> CrossedMean:
    """Mean of `values` (..., S, n): items count equally, and seeds do; `families` (n,) are codes 0 to G - 1, G > 1.

    With D_fs the mean of family f of m_f items in seed s, and p_f = m_f / n:

        V_F = sum_f p_f^2 a_f (D_f. - D_..)^2                                of families, and of cells
        V_S = sum_s (D_.s - D_..)^2 / (S (S - 1))                            of seeds, and of cells
        V_C = sum_fs p_f^2 a_f (D_fs - D_f. - D_.s + D_..)^2 / (S (S - 1))   of cells, counted twice above

    The variance is V_F + max(V_S - V_C, 0): two-way clustering (Cameron, Gelbach and Miller, J. Business & Economic
    Statistics 29, 2011) of seeds crossed with families, which is what the pigeonhole bootstrap (Owen, Annals of
    Applied Statistics 1, 2007) draws anew. With one seed it is V_F alone.

    a_f makes V_F unbiased for few and unequal families: CR2 (Bell and McCaffrey, Survey Methodology 28, 2002;
    Pustejovsky and Tipton, J. Business & Economic Statistics 36, 2018). Its working model is var(D_f) = r + (1 - r) /
    m_f with the intraclass correlation r taken from the data (Imbens and Kolesar, Review of Economics and Statistics
    98, 2016); its degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946) under that model.
    """
    seeds = values.shape[-2]
    sizes = np.bincount(families)
    share = sizes / len(families)
    cells = _family_means(values, families, sizes)
    by_family = cells.mean(-2)
    mean = by_family @ share
    weight, df_families = _cr2(_working_variance(values.mean(-2), families, sizes, by_family), share)
    deviation = by_family - mean[..., None]
    variance_families = (weight * deviation**2).sum(-1)
    variance_seeds = np.zeros_like(mean)
    if seeds > 1:
        by_seed = cells @ share - mean[..., None]
        noise = cells - by_family[..., None, :] - by_seed[..., None]
        both = (by_seed**2).sum(-1) - (weight * (noise**2).sum(-2)).sum(-1)
        variance_seeds = np.maximum(both, 0) / (seeds * (seeds - 1))
    return CrossedMean(
        mean, variance_families, df_families, variance_seeds, max(seeds - 1, 1), by_family, float(1 / (share**2).sum())
    )


def _family_means(values: Array, families: Array, sizes: Array) -> Array:
    order = np.argsort(families, kind="stable")
    sums: Array = np.add.reduceat(values[..., order], np.cumsum(sizes) - sizes, axis=-1)
    means: Array = sums / sizes
    return means


def _working_variance(items: Array, families: Array, sizes: Array, means: Array) -> Array:
    """Variance of a family's mean up to a factor, (..., G); the intraclass correlation is by analysis of variance."""
    n, groups = len(families), len(sizes)
    if n == groups:
        return np.ones_like(means)
    within = ((items - means[..., families]) ** 2).sum(-1) / (n - groups)
    between = (sizes * (means - items.mean(-1, keepdims=True)) ** 2).sum(-1) / (groups - 1)
    of_families = np.maximum(between - within, 0) * (groups - 1) / (n - (sizes**2).sum() / n)
    total = of_families + within
    correlation = np.divide(of_families, total, out=np.ones_like(total), where=total > ROUNDING)[..., None]
    variance: Array = correlation + (1 - correlation) / sizes
    return variance


def _cr2(variance: Array, share: Array) -> tuple[Array, Array]:
    """p_f^2 a_f, and the degrees of freedom of V_F: (sum of eigenvalues)^2 / (sum of their squares), in closed form.

    The residuals D_f - D_.. covary by v_f [f = g] - b_f - b_g + q with b_f = p_f v_f and q = sum_f p_f^2 v_f.
    """
    lever = share * variance
    total = (share * lever).sum(-1, keepdims=True)
    own = variance - 2 * lever + total
    weight = share**2 * variance / own
    s0, s1, s2 = (weight.sum(-1), (weight * lever).sum(-1), (weight * lever**2).sum(-1))
    q = total[..., 0]
    off = 2 * s2 * s0 + 2 * s1**2 - 4 * q * s1 * s0 + (q * s0) ** 2
    diagonal = (weight**2 * (own**2 - (own - variance) ** 2)).sum(-1)
    return weight, np.maximum((weight * own).sum(-1) ** 2 / (off + diagonal), 1)
