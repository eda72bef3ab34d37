"""Looks numbers up in the tables: what a section of the page asks for by arm, stage, split and persona."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from alignment_pretraining.report.gaps import gap_key
from alignment_pretraining.report.layout import Layout, When
from alignment_pretraining.report.numbers import Number, gap_number, rate_number
from alignment_pretraining.report.rates import rate_key


@dataclass(frozen=True)
class Results:
    """The tables of a study and its layout."""

    rates: pd.DataFrame
    gaps: pd.DataFrame
    swaps: pd.DataFrame
    losses: pd.DataFrame
    layout: Layout

    @cached_property
    def _rate_rows(self) -> dict[str, Any]:
        return {str(row.key): row for row in self.rates.itertuples()}

    @cached_property
    def _gap_rows(self) -> dict[str, Any]:
        return {str(row.key): row for row in self.gaps.itertuples()}

    def rate_row(self, arm: str, when: When, split: str, persona: str | None = None) -> Any | None:
        """Row of `rates` of the last base model or of the post-trained model, main persona unless one is given."""
        stop = self.layout.stop(arm, when)
        if stop is None:
            return None
        return self._rate_rows.get(rate_key(arm, stop.stage, split, persona or self.layout.persona(when)))

    def rate(self, arm: str, when: When, split: str, persona: str | None = None) -> Number | None:
        """The same as a printed number."""
        row = self.rate_row(arm, when, split, persona)
        return None if row is None else rate_number(row)

    def rate_at(self, arm: str, stage: str, split: str, persona: str) -> Number | None:
        """The rate after any stage."""
        row = self._rate_rows.get(rate_key(arm, stage, split, persona))
        return None if row is None else rate_number(row)

    def gap_row(self, left: tuple[str, str, str], right: tuple[str, str, str], split: str) -> Any | None:
        """Row of `gaps` between two (arm, stage, persona)."""
        return self._gap_rows.get(gap_key(left, right, split))

    def gap_to_baseline(self, arm: str, when: When, split: str) -> Any | None:
        """Row of `gaps` of an arm against the baseline under the main persona."""
        baseline = self.layout.baseline
        left = self.layout.stop(arm, when)
        right = self.layout.stop(baseline, when) if baseline else None
        if left is None or right is None:
            return None
        persona = self.layout.persona(when)
        return self.gap_row((arm, left.stage, persona), (right.arm, right.stage, persona), split)

    def gap_over_post_training(self, arm: str, split: str) -> Number | None:
        """Post-trained model minus base model of the same arm."""
        base, post = self.layout.stop(arm, "base"), self.layout.stop(arm, "post")
        if base is None or post is None:
            return None
        row = self.gap_row(
            (arm, post.stage, self.layout.persona("post")), (arm, base.stage, self.layout.persona("base")), split
        )
        return None if row is None else gap_number(row)
