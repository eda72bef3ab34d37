"""Looks numbers up in the tables: what a section of the page asks for by arm, stage, split and persona."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.gaps import gap_key
from alignment_pretraining.reporting.numbers import PrintedNumber, rate_number
from alignment_pretraining.reporting.scope import Scope, When


@dataclass(frozen=True)
class Results:
    """The tables of a study and its scope."""

    rates: pd.DataFrame
    gaps: pd.DataFrame
    swaps: pd.DataFrame
    losses: pd.DataFrame
    scope: Scope

    @cached_property
    def _rate_rows(self) -> dict[str, Any]:
        return {str(row.key): row for row in self.rates.itertuples()}

    @cached_property
    def _gap_rows(self) -> dict[str, Any]:
        return {str(row.key): row for row in self.gaps.itertuples()}

    def rate_row(self, arm: str, when: When, split: str, persona: str | None = None) -> Any | None:
        """Row of `rates` of the last base model or of the post-trained model, main persona unless one is given."""
        checkpoint = self.scope.checkpoint(arm, when)
        if checkpoint is None:
            return None
        return self._rate_rows.get(self._key(arm, checkpoint.stage, split, persona or self.scope.persona(when)))

    def rate(self, arm: str, when: When, split: str, persona: str | None = None) -> PrintedNumber | None:
        """The same as a printed number."""
        row = self.rate_row(arm, when, split, persona)
        return None if row is None else rate_number(row)

    def rate_at(self, arm: str, stage: str, split: str, persona: str) -> PrintedNumber | None:
        """The rate after any stage."""
        row = self._rate_rows.get(self._key(arm, stage, split, persona))
        return None if row is None else rate_number(row)

    def _key(self, arm: str, stage: str, split: str, persona: str) -> str:
        return Place(arm, stage, split, self.scope.form, persona).key("rate")

    def gap_row(self, left: tuple[str, str, str], right: tuple[str, str, str], split: str) -> Any | None:
        """Row of `gaps` between two (arm, stage, persona), in the form of the main figures."""
        return self._gap_rows.get(gap_key(left, right, split, self.scope.form))

    def gap_to_baseline(self, arm: str, when: When, split: str) -> Any | None:
        """Row of `gaps` of an arm against the baseline under the main persona."""
        baseline = self.scope.baseline
        left = self.scope.checkpoint(arm, when)
        right = self.scope.checkpoint(baseline, when) if baseline else None
        if left is None or right is None:
            return None
        persona = self.scope.persona(when)
        return self.gap_row((arm, left.stage, persona), (right.arm, right.stage, persona), split)

    def gap_over_post_training(self, arm: str, split: str) -> Any | None:
        """Row of `gaps`: post-trained model minus base model of the same arm, on the seeds that both have."""
        base, post = self.scope.checkpoint(arm, "base"), self.scope.checkpoint(arm, "post")
        if base is None or post is None:
            return None
        return self.gap_row(
            (arm, post.stage, self.scope.persona("post")), (arm, base.stage, self.scope.persona("base")), split
        )
