"""Finding the number that a reader asks about in the tables of the report."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph

# Tables whose rows have a `key`, and the column that the key alone stands for.
TABLES = {
    "rates": "rate",
    "contrasts": "value",
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
    """One number of a `row`: the row's key, the number's column, its value, and the (arm, stage) pairs it speaks of."""

    table: str
    key: str
    field: str
    value: float
    about: tuple[tuple[str, str], ...]
    row: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What is asked for to get it: the key, and the column where that is not the one that the key stands for."""
        return self.key if self.field == TABLES[self.table] else f"{self.key}:{self.field}"


def find_number(graph: Graph, wanted: str) -> TracedNumber:
    """The number with this name (`rate/…`, or `rate/…:low`), or with this value as printed (`.34`, `0.342` or `34%`).

    Raises:
        UserError: there is no table yet, no such number, or several: the message lists their names.
    """
    tables = [name for name in TABLES if name in graph.makers and graph.digest(name)]
    if not tables:
        missing = f" ({graph.relative('rates')} is missing)" if "rates" in graph.makers else ""
        raise UserError(f"there are no numbers yet{missing}; make them: {graph.command_for_all}")
    numbers = [number for name in tables for number in _numbers(graph, name)]
    found = [number for number in numbers if number.name == wanted] or _by_value(numbers, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        names = [number.name for number in numbers]
        near = [name for name in names if wanted in name] or _near(wanted, names)
        raise UserError(f"no number {wanted!r}; a key or a value is asked for, for example:\n  {_list(near or names)}")
    raise UserError(f"{len(found)} numbers read {wanted}; name one by its key:\n  {_list([n.name for n in found])}")


def _numbers(graph: Graph, table: str) -> Iterator[TracedNumber]:
    for row in graph.catalog.load(table).to_dict("records"):
        for field, value in _fields(row):
            yield TracedNumber(table, str(row["key"]), field, value, _about(row), row)


def _fields(row: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    """Every number of a row by its column; those of one seed, which stand in JSON, by column and seed."""
    for column, value in row.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            yield column, float(value)
        elif isinstance(value, str) and value.startswith("{"):
            yield from ((f"{column}.{seed}", float(one)) for seed, one in json.loads(value).items())


def _about(row: Mapping[Any, Any]) -> tuple[tuple[str, str], ...]:
    pairs = [(str(row["arm"]), str(row["stage"]))] if "arm" in row and "stage" in row else []
    if "reference" in row:
        pairs.append((str(row["reference"]), str(row.get("reference_stage", row["stage"]))))
    return tuple(pairs)


def _by_value(numbers: list[TracedNumber], text: str) -> list[TracedNumber]:
    """Numbers that print as `text` at the precision in which it is given."""
    try:
        value = Decimal(text.rstrip("%").replace("\N{MINUS SIGN}", "-")) / (100 if text.endswith("%") else 1)
    except InvalidOperation:
        return []
    exponent = value.as_tuple().exponent
    places = max(-exponent, 0) if isinstance(exponent, int) else 0
    return [number for number in numbers if f"{number.value:.{places}f}" == f"{value:.{places}f}"]


def _near(wanted: str, names: list[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(wanted, names, n=_LISTED)


def _list(keys: list[str]) -> str:
    more = [f"… and {len(keys) - _LISTED} more"] if len(keys) > _LISTED else []
    return "\n  ".join([*keys[:_LISTED], *more])
