"""Small tables of the report, by hand: a row for each place of a scope, and a place for figures to be looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.rates import RATE_COLUMNS
from alignment_pretraining.reporting.scope import Scope

MINUS = "\N{MINUS SIGN}"


def rate_rows(scope: Scope, rate: Callable[[Place], float] = lambda place: 0.5) -> pd.DataFrame:
    """The table `rates` of a study in which every place has `rate`, 0.1 either way, and two trainings 0.05 apart."""
    run = scope.evaluation["run"]
    places = [
        Place(point.arm, point.stage, split, scope.form, persona)
        for point in scope.checkpoints
        for split in scope.splits
        for persona in run["base_personas" if point.when == "base" else "chat_personas"]
    ]
    rows = [
        {
            "key": place.key("rate"), **place._asdict(), "kind": "ai", "expect": "", "rate": rate(place),
            "low": rate(place) - 0.1, "high": rate(place) + 0.1, "over": "families and seeds", "n_items": 40,
            "n_families": 20, "n_seeds": 2, "paper": float("nan"), "paper_version": None,
            "rate_by_seed": f'{{"0": {rate(place) - 0.05}, "1": {rate(place) + 0.05}}}',
        }
        for place in places
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS))


@dataclass
class Saved:
    """What draws gives its figures to: they stay to be looked at, by the name of their file."""

    figures: dict[str, Any] = field(default_factory=dict)

    def __call__(self, figure: Any, path: Path) -> None:
        self.figures[path.name] = figure

    def axes(self, name: str) -> Any:
        """The one panel of a figure."""
        (axes,) = self.figures[name].axes
        return axes

    def links(self, name: str) -> list[str]:
        """The keys that its marks lead to, in the order in which they were drawn."""
        axes = self.axes(name)
        urls = [artist.get_url() for artist in [*axes.lines, *axes.patches]]
        return [url.removeprefix("#") for url in urls if url]
