"""Finding the number that a reader asks about in the tables of the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph

# Tables whose rows have a `key`, and the column that holds the number.
TABLES = {
    "rates": "rate",
    "contrasts": "value",
    "personas": "rate",
    "controls": "rate",
    "gaps": "gap",
    "losses": "heldout_loss",
    "swaps": "gap",
    "filter_quality": "value",
    "corpus_account": "kept",
}
_LISTED = 12


@dataclass(frozen=True)
class TracedNumber:
    """One row of a table: its key, its value, and the (arm, stage) pairs that it speaks of."""

    table: str
    key: str
    value: float
    about: tuple[tuple[str, str], ...]


def find_number(graph: Graph, wanted: str) -> TracedNumber:
    """The number with this key, or with this value as printed (`.34`, `0.342` or `34%`).

    Raises:
        UserError: there is no table yet, no such number, or several: the message lists their keys.
    """
    tables = {name: column for name, column in TABLES.items() if name in graph.makers and graph.digest(name)}
    if not tables:
        missing = f" ({graph.relative('rates')} is missing)" if "rates" in graph.makers else ""
        raise UserError(f"there are no numbers yet{missing}; make them: {graph.command_for_all}")
    numbers = [number for name, column in tables.items() for number in _numbers(graph, name, column)]
    found = [number for number in numbers if number.key == wanted] or _by_value(numbers, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        keys = [number.key for number in numbers if wanted in number.key] or [number.key for number in numbers]
        raise UserError(f"no number {wanted!r}; a key or a value is asked for, for example:\n  {_list(keys)}")
    raise UserError(f"{len(found)} numbers read {wanted}; name one by its key:\n  {_list([n.key for n in found])}")


def _numbers(graph: Graph, table: str, column: str) -> list[TracedNumber]:
    path = graph.path(table)
    assert path is not None
    rows = pd.read_csv(path).to_dict("records")
    return [TracedNumber(table, str(row["key"]), float(row[column]), _about(row)) for row in rows]


def _about(row: Mapping[Any, Any]) -> tuple[tuple[str, str], ...]:
    pairs = [(str(row["arm"]), str(row["stage"]))] if "arm" in row and "stage" in row else []
    if "reference" in row:
        pairs.append((str(row["reference"]), str(row.get("reference_stage", row["stage"]))))
    return tuple(pairs)


def _by_value(numbers: list[TracedNumber], text: str) -> list[TracedNumber]:
    """Numbers that print as `text` at the precision in which it is given."""
    try:
        value = Decimal(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        return []
    exponent = value.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return [number for number in numbers if round(number.value, places) == float(value)]


def _list(keys: list[str]) -> str:
    more = [f"… and {len(keys) - _LISTED} more"] if len(keys) > _LISTED else []
    return "\n  ".join([*keys[:_LISTED], *more])
