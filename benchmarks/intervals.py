"""Simulated coverage and width of the report's intervals (docs/statistics.md) against named peers, in one run.

    python benchmarks/intervals.py            # minutes on one core; writes benchmarks/results/intervals.json
    python benchmarks/intervals.py --quick    # some seconds; writes nothing

Each study draws trainings, families and questions anew: a question is answered with probability Phi(b + family + seed +
family x seed + question), each term normal and partly shared by the arms, and its score is the mean of `formats`
answers. So the expected rate is Phi(b / sqrt(1 + variances)), exactly. Families have 2 to 20 questions.

Peers, on the same studies: statsmodels' least squares clustered by family, t with G - 1 degrees of freedom; the
percentile bootstrap of families and seeds (the pigeonhole bootstrap, Owen 2007); and ours with Satterthwaite's degrees
of freedom for families and seeds together.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import statsmodels.api as sm
from results import write_result
from scipy.special import ndtr, ndtri

from alignment_pretraining.reporting.statistics import estimate

BATCH = 50  # studies that share their families' sizes
Bounds = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """What is simulated; `spread_*` are standard deviations of probits."""

    name: str
    rates: tuple[float, ...]
    seeds: int = 3
    families: int = 16
    formats: int = 4
    spread_seeds: float = 0.3
    spread_families: float = 0.8


CASES = (
    Case("no difference", (0.5, 0.5)),
    Case("no difference, seeds alike", (0.5, 0.5), spread_seeds=0),
    Case("no difference, seeds far apart", (0.5, 0.5), spread_seeds=0.6),
    Case("no difference, 2 seeds", (0.5, 0.5), seeds=2),
    Case("no difference, 5 seeds", (0.5, 0.5), seeds=5),
    Case("no difference, 1 seed, seeds alike", (0.5, 0.5), seeds=1, spread_seeds=0),
    Case("no difference, 12 families", (0.5, 0.5), families=12),
    Case("no difference, 40 families", (0.5, 0.5), families=40),
    Case("no difference, families far apart", (0.5, 0.5), spread_families=1.5),
    Case("no difference, 1 format", (0.5, 0.5), formats=1),
    Case("no difference, near 0", (0.03, 0.03)),
    Case("difference .4", (0.7, 0.3)),
    Case("difference .8", (0.9, 0.1)),
    Case("difference .94", (0.97, 0.03)),
    Case("difference .8, 12 families", (0.9, 0.1), families=12),
    Case("difference .8, 40 families", (0.9, 0.1), families=40),
    Case("rate .5", (0.5,)),
    Case("rate .5, 1 seed, seeds alike", (0.5,), seeds=1, spread_seeds=0),
    Case("rate .5, 1 seed, 16 formats", (0.5,), seeds=1, spread_seeds=0, formats=16, spread_families=0.3),
    Case("rate .1, 1 seed, 12 families", (0.1,), seeds=1, families=12, spread_seeds=0),
    Case("rate .1", (0.1,)),
    Case("rate .02", (0.02,)),
    Case("rate .02, 40 families", (0.02,), families=40),
    Case("rate .005", (0.005,)),
)


def draw(case: Case, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores (BATCH, arms, seeds, n) of studies and the codes of their families (n,)."""
    sizes = np.round(np.exp(rng.uniform(np.log(2), np.log(20), case.families))).astype(int)
    families = np.repeat(np.arange(case.families), sizes)
    arms, half = len(case.rates), case.spread_families / np.sqrt(2)
    terms = (  # standard deviation, and the axes that it varies over: arms, seeds, families or questions
        (half, (1, 1, case.families)),
        (half, (arms, 1, case.families)),
        (case.spread_seeds, (arms, case.seeds, 1)),
        (0.3, (arms, case.seeds, case.families)),
        (0.5, (1, 1, len(families))),
        (0.4, (arms, 1, len(families))),
    )
    total = 1 + sum(spread**2 for spread, _ in terms)
    probits = np.sqrt(total) * ndtri(np.array(case.rates))[:, None, None]
    for spread, shape in terms:
        values = spread * rng.standard_normal((BATCH, *shape))
        probits = probits + (values[..., families] if shape[-1] == case.families else values)
    return rng.binomial(case.formats, ndtr(probits)) / case.formats, families


def ours(values: np.ndarray, families: np.ndarray, weights: np.ndarray, _: np.random.Generator) -> Bounds:
    """reporting/statistics.py."""
    low, high = estimate(values, families, weights).interval()
    return low, high


def satterthwaite(values: np.ndarray, families: np.ndarray, weights: np.ndarray, _: np.random.Generator) -> Bounds:
    """The same, with one number of degrees of freedom for families and seeds together."""
    found = estimate(values, families, weights)
    df = 1 / ((1 - found.seed_share) ** 2 / found.df_families + found.seed_share**2 / found.df_seeds)
    low, high = replace(found, df_families=df, seed_share=np.zeros_like(df)).interval()
    return low, high


def least_squares(values: np.ndarray, families: np.ndarray, weights: np.ndarray, _: np.random.Generator) -> Bounds:
    """statsmodels: a constant, clustered by family."""
    found = []
    for study in np.einsum("c,rcsn->rn", weights, values) / values.shape[-2]:
        fit = sm.OLS(study, np.ones(len(study))).fit(cov_type="cluster", cov_kwds={"groups": families}, use_t=True)
        found.append(fit.conf_int()[0])
    low, high = np.array(found).T
    return low, high


def bootstrap(values: np.ndarray, families: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> Bounds:
    """Families and seeds drawn with replacement, 400 times: percentiles."""
    sizes, seeds = np.bincount(families), values.shape[-2]
    scores = np.einsum("c,rcsn->rsn", weights, values)
    sums = np.add.reduceat(scores, np.cumsum(sizes) - sizes, axis=-1)
    found = []
    for study in sums:
        of_families = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), 400)
        of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), 400)
        means = np.einsum("bs,sg,bg->b", of_seeds, study, of_families) / (seeds * (of_families @ sizes))
        found.append(np.quantile(means, [0.025, 0.975]))
    low, high = np.array(found).T
    return low, high


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], Bounds]] = {
    "ours": ours,
    "Satterthwaite": satterthwaite,
    "OLS clustered": least_squares,
    "bootstrap": bootstrap,
}


def measure(case: Case, studies: int) -> dict[str, Any]:
    """Coverage and mean width by method, and how often ours rejects the truth at 1 %."""
    rng = np.random.default_rng(0)
    weights = np.array([1.0, -1.0])[: len(case.rates)]
    truth = float(weights @ np.array(case.rates))
    found: dict[str, list[Bounds]] = {name: [] for name in METHODS}
    rejected = []
    for _ in range(studies // BATCH):
        values, families = draw(case, rng)
        for name, method in METHODS.items():
            found[name].append(method(values, families, weights, rng))
        rejected.append(estimate(values, families, weights).p(truth) < 0.01)
    row: dict[str, Any] = {"case": asdict(case), "methods": {}, "rejects_truth_at_1_percent": float(np.mean(rejected))}
    for name, bounds in found.items():
        low, high = (np.concatenate(part) for part in zip(*bounds, strict=True))
        row["methods"][name] = {
            "coverage": round(float(np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high))), 4),
            "width": round(float(np.mean(high - low)), 4),
        }
    return row


def main() -> None:
    """Print a row for each case, then write all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="50 studies a case instead of 2,000; nothing is written")
    studies = BATCH if parser.parse_args().quick else 2_000
    print(
        f"| {studies} studies a case: coverage, width | " + " | ".join(METHODS) + " | ours rejects the truth at 1 % |"
    )
    print("| --- " * (len(METHODS) + 2) + "|")
    rows = []
    for case in CASES:
        rows.append(measure(case, studies))
        cells = [f"{cell['coverage']:.3f}, {cell['width']:.2f}" for cell in rows[-1]["methods"].values()]
        print(
            f"| {case.name} | " + " | ".join(cells) + f" | {rows[-1]['rejects_truth_at_1_percent']:.3f} |", flush=True
        )
    if studies > BATCH:
        write_result("intervals", {"studies": studies, "rows": rows}, ["numpy", "scipy", "statsmodels"])


if __name__ == "__main__":
    main()
