"""What the page says of the filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.numbers import PrintedNumber, plain

_NAMES = {
    "recall": "Discourse that is flagged (recall)",
    "precision": "Flagged passages that are discourse (precision)",
    "neutral_ai flagged": "Neutral passages about AI that are flagged",
    "hard_negative flagged": "Other passages that are flagged (hard negatives)",
}


@dataclass(frozen=True)
class Filtering:
    """The tables `filter_quality` and `corpus_account`."""

    quality: pd.DataFrame
    account: pd.DataFrame

    counts = ("read", "quarantined", "held_out", "flagged", "kept")

    @property
    def filters(self) -> list[str]:
        """The filters that were measured: the keyword list, and where there is one the classifier and both together."""
        return list(self.quality[self.quality.measure == "recall"]["filter"].unique())

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Length and split of the passages, one a column, the held-out ones first."""
        found = self.quality[self.quality.measure == "recall"]
        pairs = set(zip(found.length, found.split, strict=True))
        return sorted(pairs, key=lambda pair: (pair[1] != "test", pair[0]))

    def rows(self, name: str) -> list[tuple[str, list[tuple[PrintedNumber, Any]]]]:
        """Of a filter: each measure; in each column its number, and the row of the table that it comes from."""
        mine = self.quality[self.quality["filter"] == name]
        by_place = {(row.measure, row.length, row.split): row for row in mine.itertuples()}
        return [
            (measured, [(number(by_place[measure, *column]), by_place[measure, *column]) for column in self.columns])
            for measure, measured in _NAMES.items()
        ]

    @property
    def recall_of_the_list(self) -> float:
        """Recall of the keyword list on held-out documents."""
        return float(self.quality.set_index("key").value["filter/keywords/recall/document/test"])

    @property
    def leakage(self) -> tuple[PrintedNumber, Any]:
        """The share of known discourse among the kept documents, and its row."""
        row = next(row for row in self.quality.itertuples() if row.measure == "leakage, known")
        return number(row), row

    @property
    def flagged_share(self) -> float:
        """Share of the corpus's documents that is flagged."""
        return self._share("")

    @property
    def flagged_share_of_text(self) -> float:
        """The same of its text, in bytes: long documents are flagged more often."""
        return self._share("_bytes")

    def _share(self, unit: str) -> float:
        flagged, kept = self.account[f"flagged{unit}"].sum(), self.account[f"kept{unit}"].sum()
        return float(flagged / max(flagged + kept, 1))


def number(row: Any) -> PrintedNumber:
    """A row of `filter_quality`."""
    return PrintedNumber(row.key, plain(row.value), f"{plain(row.low)} to {plain(row.high)}")
