"""How a number is printed: always with its key, so that `kedro trace KEY` follows it to its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.differences import printed_difference

MISSING = "–"  # noqa: RUF001 - the dash of an empty cell


@dataclass(frozen=True)
class PrintedNumber:
    """One printed estimate; `interval` is empty where there is none."""

    key: str
    text: str
    interval: str = ""
    n_seeds: int | None = None


def plain(value: float, digits: int = 3) -> str:
    """A share or a loss, for example 0.446."""
    return MISSING if pd.isna(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference with its sign, for example +0.062."""
    return MISSING if pd.isna(value) else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def rate_number(row: Any) -> PrintedNumber:
    """A row of `rates`."""
    return PrintedNumber(row.key, plain(row.rate), f"{plain(row.low)} to {plain(row.high)}", int(row.n_seeds))


def difference_number(table: str, row: Any) -> PrintedNumber:
    """A row of one of the tables in `differences.DIFFERENCES`."""
    value = printed_difference(table, row._asdict())
    return PrintedNumber(row.key, signed(value), f"{signed(row.low)} to {signed(row.high)}")


def p_value(p: float) -> str:
    """A p-value to three places."""
    return MISSING if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
