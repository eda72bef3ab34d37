"""How much there is of something, how that is known, and whether it is enough."""

import math
from dataclasses import dataclass

from alignment_pretraining.planning.numbers import significant

# A text is measured before there is a tokenizer, so a need is refused where even half as much again would not do.
TOLERANCE = 1.5


@dataclass(frozen=True)
class Amount:
    """How much there is, None where nobody knows before it is read; `how` it is known; whether it is an `estimate`."""

    count: float | None
    how: str
    estimate: bool = False


@dataclass(frozen=True)
class Need:
    """What a pipeline needs of something, in `unit`, and what there is; `setting` is what to change where that is less.

    What is true of `here` alone is a property of the machine that asks, which need not be the one that runs the study.
    """

    pipeline: str
    what: str
    needs: float
    has: Amount
    unit: str
    setting: str
    here: bool = False

    @property
    def is_short(self) -> bool:
        """Whether there is surely too little."""
        slack = TOLERANCE if self.has.estimate else 1
        return self.has.count is not None and self.needs > self.has.count * slack

    @property
    def verdict(self) -> str:
        """`enough`, `short`, `perhaps short` of an estimate, or `not known yet`."""
        if self.has.count is None:
            return "not known yet"
        if self.is_short:
            return "short"
        return "enough" if self.needs <= self.has.count else "perhaps short"

    def explain(self) -> str:
        """The shortfall and the setting, for a message."""
        assert self.has.count is not None
        return (
            f"{self.what}: needs {shown(self.needs, self.unit)}, there are {shown(self.has.count, self.unit)} "
            f"({self.has.how}); {self.setting}"
        )


def shown(value: float, unit: str) -> str:
    """`1,234 rows`, `4.4M tokens`, `80.0 GB`."""
    if math.isinf(value):
        return "no limit"
    if unit == "GB":
        return f"{value / 1e9:,.1f} GB"
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{significant(value / size, 3)}{letter} {unit}"
    return f"{value:,.0f} {unit}"
