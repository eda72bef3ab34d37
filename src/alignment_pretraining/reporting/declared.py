"""What the page says first: the declared contrasts in words, and whether their controls hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alignment_pretraining.reporting.numbers import MISSING, PrintedNumber, p_value, plain, signed
from alignment_pretraining.reporting.scope import SPLITS


@dataclass(frozen=True)
class Declared:
    """The tables `contrasts`, `rates` and `controls`."""

    contrasts: pd.DataFrame
    rates: pd.DataFrame
    controls: pd.DataFrame

    @property
    def sentences(self) -> list[str]:
        """One sentence a declared contrast, in the order of the study."""
        return [sentence(row) for row in self.contrasts.itertuples()]

    @property
    def tally(self) -> str:
        """How many contrasts came out as declared, in words; empty without any."""
        count = len(self.contrasts)
        if not count:
            return ""
        met = int(self.contrasts["verdict"].isin(["shown", "equivalent"]).sum())
        broken = int((~self.contrasts["controls_hold"].astype(bool) & (self.contrasts["expect"] != "equal")).sum())
        warning = f" Of the contrasts with a direction, {broken} do not pass their controls." if broken else ""
        return f"{met} of {count} declared contrasts came out as declared.{warning}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """The contrasts for a table."""
        for row in self.contrasts.itertuples():
            yield {
                "number": contrast_number(row),
                "name": row.name,
                "left": row.left,
                "right": row.right,
                "split": SPLITS.get(str(row.split), str(row.split)),
                "form": row.form,
                "expect": row.expect,
                "p": p_value(row.p_holm),  # type: ignore[arg-type]
                "seeds": ", ".join(signed(value) for value in json.loads(str(row.by_seed)).values()),
                "case_blanked": MISSING if row.case_blanked is None else signed(row.case_blanked),  # type: ignore[arg-type]
                "verdict": row.verdict,
                "holds": "hold" if row.controls_hold else "fail",
            }


def contrast_number(row: Any) -> PrintedNumber:
    """A row of `contrasts`."""
    return PrintedNumber(row.key, signed(row.value), f"{signed(row.low)} to {signed(row.high)}", int(row.n_seeds))


def sentence(row: Any) -> str:
    """What a contrast shows, with its interval and over what it is taken."""
    said = {
        "shown": "as declared",
        "equivalent": "no difference, within the margin",
        "opposite": "against what was declared",
        "not shown": "not shown",
        "undecided": "undecided",
    }[str(row.verdict)]
    holds = "" if row.controls_hold or row.expect == "equal" else " Its controls fail."
    return (
        f"{row.left} minus {row.right}, {SPLITS.get(str(row.split), str(row.split))}, {row.form}: "
        f"{signed(row.value)} ({signed(row.low)} to {signed(row.high)}, over {row.over}): {said}.{holds}"
    )


def share(value: Any) -> str:
    """A rate of a control, or a dash where it was not asked."""
    return MISSING if value is None or pd.isna(value) else plain(float(value))
