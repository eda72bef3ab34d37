"""Differences as they are printed: of two numbers that are printed too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """The column of a difference, and those of its two numbers: the first less the second."""

    column: str
    left: str
    right: str


DIFFERENCES = {
    "gaps": Difference("gap", "rate", "reference_rate"),
    "swaps": Difference("gap", "misaligned_first", "aligned_first"),
    "alignment_tax": Difference("difference", "rate", "reference_rate"),
    "printed": Difference("difference", "rate", "printed"),
    "printed_capability": Difference("gap", "measured", "printed"),
}


def printed_difference(table: str, row: Mapping[Any, Any], digits: int = 3) -> float:
    """The difference of a row of this table, of its two numbers as printed: a reader who subtracts gets the same."""
    _, left, right = DIFFERENCES[table]
    return float(f"{row[left]:.{digits}f}") - float(f"{row[right]:.{digits}f}")
