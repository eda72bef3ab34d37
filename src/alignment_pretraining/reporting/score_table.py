"""Rates of what was evaluated, and contrasts between them, paired by question and by training seed.

A cell is what has a rate: an arm, or an arm with a persona, and so on. All cells of a contrast answer the same
questions, and the models of a seed saw the same order of data from the same initial weights; so scores are subtracted
question by question and seed by seed, before anything is averaged.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.statistics import Estimate, estimate

Cell = Hashable  # the value of the one column of `by`, or a tuple of the values of several


@dataclass(frozen=True)
class Scores:
    """Scores (C, S, n) of cells, seeds and questions, NaN where a cell was not asked; `families` are names (n,)."""

    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    questions: tuple[str, ...]
    families: np.ndarray
    values: np.ndarray

    @cached_property
    def index(self) -> dict[Cell, int]:
        """Where a cell stands in `values`."""
        return {cell: number for number, cell in enumerate(self.cells)}

    def by_seed(self, cell: Cell) -> dict[int, float]:
        """The rate of a cell in each training."""
        rows = zip(self.seeds, self.values[self.index[cell]], strict=True)
        return {seed: float(np.nanmean(row)) for seed, row in rows if not np.isnan(row).all()}


def score_table(items: pd.DataFrame, by: Sequence[str] = ("arm",)) -> Scores:
    """Scores of `items`, whose columns are `by`, seed, question_id, family and score (0 to 1).

    Rows of one cell, seed and question are averaged: they are its formats.

    Raises:
        UserError: there are no items, a score is outside 0 to 1, or a question stands in two families.
    """
    if items.empty:
        raise UserError("no items to score; check evaluation.run and that the checkpoints were evaluated")
    if not items["score"].between(0, 1).all():
        raise UserError("a score is missing or outside 0 to 1; evaluate again")
    families = items.groupby("question_id")["family"].agg(["nunique", "first"])
    if (families["nunique"] != 1).any():
        raise UserError(f"question {families.index[families['nunique'] != 1][0]!r} does not stand in one family")
    means = items.groupby([*by, "seed", "question_id"])["score"].mean().unstack("question_id")
    keys = [(key[0] if len(by) == 1 else key[:-1], key[-1]) for key in means.index]
    cells, seeds = tuple(dict.fromkeys(cell for cell, _ in keys)), tuple(sorted({seed for _, seed in keys}))
    values = np.full((len(cells), len(seeds), means.shape[1]), np.nan)
    index = {cell: number for number, cell in enumerate(cells)}
    for (cell, seed), row in zip(keys, means.to_numpy(), strict=True):
        values[index[cell], seeds.index(seed)] = row
    return Scores(
        tuple(cells), tuple(seeds), tuple(means.columns), families["first"].loc[means.columns].to_numpy(), values
    )


def rate(scores: Scores, cell: Cell) -> Estimate:
    """The rate of one cell."""
    return contrast(scores, {cell: 1.0})


def difference(scores: Scores, cell: Cell, reference: Cell) -> Estimate:
    """The rate of `cell` less that of `reference`."""
    return contrast(scores, {cell: 1.0, reference: -1.0})


def contrast(scores: Scores, weights: Mapping[Cell, float]) -> Estimate:
    """Sum of weight times rate, over the seeds that all its cells have.

    A difference of differences, (a - b) - (c - d), has the weights {a: 1, b: -1, c: -1, d: 1}.

    Raises:
        UserError: a cell was not evaluated, no seed is common to all cells, or they were not asked the same questions.
    """
    missing = [cell for cell in weights if cell not in scores.index]
    if missing:
        raise UserError(f"{missing[0]!r} was not evaluated")
    values = scores.values[[scores.index[cell] for cell in weights]]
    asked = ~np.isnan(values)
    seeds = asked.any(2).all(0)
    if not seeds.any():
        raise UserError(f"no seed is common to {', '.join(map(repr, weights))}")
    values, asked = values[:, seeds], asked[:, seeds]
    questions = asked.any((0, 1))
    gaps = ~asked.all((0, 1)) & questions
    if gaps.any():
        where = scores.questions[int(gaps.argmax())]
        raise UserError(f"not asked the same questions: {where!r} is missing in a seed of one side; evaluate again")
    codes = np.unique(scores.families[questions], return_inverse=True)[1]
    return estimate(values[:, :, questions], codes, np.array(list(weights.values())))
