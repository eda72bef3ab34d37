"""Simulated coverage and type I error of the report's intervals, against named peers, in one run.

    python benchmarks/coverage.py            # some minutes
    python benchmarks/coverage.py --quick    # some seconds

Trainings and families of questions are drawn anew each time: a logit per arm, seed effects, family effects and noise.
Peers: statsmodels' OLS with standard errors clustered by family (t, G - 1), and a percentile bootstrap that draws
families and seeds (the pigeonhole bootstrap, A. B. Owen, Annals of Applied Statistics 1, 2007).
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

from alignment_pretraining.reporting.estimates import estimate

Interval = tuple[float, float]


@dataclass(frozen=True)
class World:
    """What is simulated; spreads are standard deviations of logits. `left` and `right` are the arms' mean logits."""

    name: str
    left: float
    right: float
    seeds: int = 3
    sizes: tuple[int, ...] = (9,) * 16
    of_seeds: float = 0.5
    of_families: float = 0.7
    formats: int = 1


UNEQUAL = (2, 2, 3, 3, 4, 5, 6, 8, 12, 15, 20, 30)
WORLDS = (
    World("no difference, 3 seeds, 16 families", 0.0, 0.0),
    World("no difference, seeds alike", 0.0, 0.0, of_seeds=0.0),
    World("no difference, seeds very unlike", 0.0, 0.0, of_seeds=1.0),
    World("no difference, 5 seeds", 0.0, 0.0, seeds=5),
    World("no difference, 12 unequal families", 0.0, 0.0, sizes=UNEQUAL),
    World("no difference, 40 families", 0.0, 0.0, sizes=(6,) * 40),
    World("no difference, 2 formats", 0.0, 0.0, formats=2),
    World("a small difference", 0.4, 0.0),
    World("a large difference, both near the ends", 3.5, -3.5),
    World("both rates near 0", -3.5, -3.5),
)


def draw(world: World, rng: np.random.Generator) -> np.ndarray:
    """Differences of scores (seeds, items) of one study."""
    families = np.repeat(np.arange(len(world.sizes)), world.sizes)
    items = rng.normal(0, 0.5, len(families))
    scores = []
    shared = rng.normal(0, world.of_families, len(world.sizes))
    for level in (world.left, world.right):
        own = rng.normal(0, world.of_families / 2, len(world.sizes))
        seeds = rng.normal(0, world.of_seeds, (world.seeds, 1))
        logits = level + seeds + (shared + own)[families] + items
        scores.append(rng.binomial(world.formats, 1 / (1 + np.exp(-logits))) / world.formats)
    return np.asarray(scores[0] - scores[1])


def truth(world: World, rng: np.random.Generator) -> float:
    """The expected difference, by simulation."""
    if world.left == world.right:
        return 0.0
    return float(np.mean([draw(world, rng).mean() for _ in range(20_000)]))


def ours(values: np.ndarray, families: np.ndarray, rng: np.random.Generator) -> Interval:
    """The report's interval."""
    found = estimate(values, families.astype(str), range(len(values)))
    return found.low, found.high


def clustered(values: np.ndarray, families: np.ndarray, rng: np.random.Generator) -> Interval:
    """statsmodels: OLS on a constant, clustered by family."""
    mean = values.mean(axis=0)
    if np.ptp(mean) == 0:
        return float(mean[0]), float(mean[0])
    fit = sm.OLS(mean, np.ones(len(mean))).fit(cov_type="cluster", cov_kwds={"groups": families}, use_t=True)
    low, high = fit.conf_int()[0]
    return float(low), float(high)


def bootstrap(values: np.ndarray, families: np.ndarray, rng: np.random.Generator, draws: int = 400) -> Interval:
    """Families and seeds drawn with replacement; percentiles."""
    sizes = np.bincount(families)
    sums = np.stack([np.bincount(families, weights=row) for row in values])
    of_families = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), draws)
    of_seeds = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), draws)
    means = np.einsum("bs,sf,bf->b", of_seeds, sums, of_families) / (len(values) * (of_families @ sizes))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


METHODS: dict[str, Callable[..., Interval]] = {
    "families x seeds (ours)": ours,
    "clustered by family (statsmodels)": clustered,
    "pigeonhole bootstrap": bootstrap,
}


def measure(count: int) -> Iterator[dict[str, object]]:
    """A row for each world and method: coverage in percent and mean width."""
    for world in WORLDS:
        rng = np.random.default_rng(0)
        families = np.repeat(np.arange(len(world.sizes)), world.sizes)
        expected = truth(world, np.random.default_rng(1))
        found = {name: [] for name in METHODS}  # type: dict[str, list[Interval]]
        for _ in range(count):
            values = draw(world, rng)
            for name, method in METHODS.items():
                found[name].append(method(values, families, rng))
        for name, intervals in found.items():
            low, high = np.array(intervals).T
            yield {
                "world": world.name,
                "method": name,
                "coverage": round(100 * float(np.mean((low <= expected) & (expected <= high))), 1),
                "width": round(float(np.mean(high - low)), 3),
            }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300 studies a world instead of 2,000")
    table = pd.DataFrame(measure(300 if parser.parse_args().quick else 2_000))
    print(table.pivot(index="world", columns="method", values=["coverage", "width"]).to_string())
