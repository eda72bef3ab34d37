"""The mean of several estimates, each of items of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignment_pretraining.reporting.statistics import Estimate


@dataclass(frozen=True)
class Measured:
    """A value with its intervals of 95 and 90 %, and what they are over."""

    value: float
    low: float
    high: float
    low_90: float
    high_90: float
    over: str
    n_items: int
    n_seeds: int


def measured(estimates: Sequence[Estimate]) -> Measured:
    """The mean of estimates on one scale, all counted alike; one alone is itself.

    Its limits lie as far from it as MOVER has it (Zou and Donner, Statistics in Medicine 27, 2008): with d_t the
    distance from an estimate to its limit and T estimates, the root of sum d_t^2 over T. That holds for different
    items. Trainings are the same ones, so the part of d_t^2 that is theirs is added up as if they moved together.
    """
    mean = float(np.mean([float(one.value) for one in estimates]))
    low, high, low_90, high_90 = (_limit(estimates, mean, level, side) for level in (0.95, 0.9) for side in (0, 1))
    n_items, n_seeds = sum(one.n_items for one in estimates), min(one.n_seeds for one in estimates)
    return Measured(mean, low, high, low_90, high_90, estimates[0].over, n_items, n_seeds)


def _limit(estimates: Sequence[Estimate], mean: float, level: float, side: int) -> float:
    distances = np.array([float(one.interval(level)[side]) - float(one.value) for one in estimates])
    of_seeds = np.array([float(one.seed_share) for one in estimates])
    together = np.abs(distances * np.sqrt(of_seeds)).sum() ** 2
    apart = ((1 - of_seeds) * distances**2).sum()
    return mean + (1 if side else -1) * float(np.sqrt(together + apart)) / len(estimates)
