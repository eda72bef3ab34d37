"""Finding the number that a reader asks about in the tables of the report."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import nan
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.graph import Graph
from alignment_pretraining.lineage.keys import LISTED, listed, near
from alignment_pretraining.lineage.parameters import why_left_out
from alignment_pretraining.reporting.differences import DIFFERENCES, printed_difference

Row = Mapping[Any, Any]

_COUNT = 1000  # from here on whole numbers are printed with commas
_THOUSANDS = re.compile(r"[-+\N{MINUS SIGN}]?\d{1,3}(,\d{3})+(\.\d+)?%?")

# Tables whose rows have a `key`, and the column that the key alone stands for.
TABLES = {
    "contrasts": "value",
    "rates": "rate",
    "controls": "rate",
    "gaps": "gap",
    "losses": "heldout_loss",
    "swaps": "gap",
    "filter_quality": "value",
    "corpus_account": "kept",
    "protocol_rates": "rate",
    "agreement": "agreement",
    "printed": "rate",
    "capability": "rate",
    "alignment_tax": "difference",
    "printed_capability": "measured",
    "topics": "rate",
    "streams": "tokens",
    "examples": "logprob_misaligned",
    "tampering": "rate",
    "personality": "rate",
    "emergent": "rate",
    "judged": "rate",
}


@dataclass(frozen=True)
class TracedNumber:
    """One number of a `row`: the row's key, the number's column, its value, and the (arm, stage) pairs it speaks of;
    `seed` where it is of one training.
    """

    table: str
    key: str
    field: str
    value: float
    about: tuple[tuple[str, str], ...]
    row: Row
    seed: int | None = None

    @property
    def name(self) -> str:
        """What is asked for to get it: the key, and the column where that is not the one that the key stands for."""
        return self.key if self.field == TABLES[self.table] else f"{self.key}:{self.field}"


def shown(value: float) -> str:
    """A number for a reader: counts in full, others to four digits."""
    return f"{value:,.0f}" if value % 1 == 0 and abs(value) >= _COUNT else f"{value:.4g}"


def find_number(graph: Graph, wanted: str, every: bool = False) -> TracedNumber:
    """The number with this name (`rate/…`, or `rate/…:low`), or with this value as printed (`.34`, `34%` or `36,000`).

    Raises:
        UserError: there is no table yet, no such number, or several: the message lists their names, all of them with
            `every`; and the tables that are missing.
    """
    places = {name: path for name in TABLES if name in graph.makers and (path := graph.path(name))}
    tables = {name: read_rows(path) for name, path in places.items() if path.is_file()}
    if not tables:
        missing = f" ({graph.relative('rates')} is missing)" if "rates" in graph.makers else ""
        raise UserError(f"there are no numbers yet{missing}; make them: {graph.command_for_all}")
    try:
        return find_in(tables, wanted, every)
    except UserError as error:
        # What optional pipelines make is not missed where they were not run.
        lacking = [name for name in places if name not in tables and not graph.places[graph.makers[name].name].optional]
        raise _of_an_arm_that_is_not_run(graph, wanted) or _with_missing(graph, error, lacking) from None


def _with_missing(graph: Graph, error: UserError, lacking: list[str]) -> UserError:
    """The error, which says too of which tables nothing was looked at."""
    if not lacking:
        return error
    files = ", ".join(graph.relative(name) for name in lacking)
    return UserError(f"{error}\nNot looked at, as missing: {files}; make them: {graph.command_for_all}")


def _of_an_arm_that_is_not_run(graph: Graph, wanted: str) -> UserError | None:
    kind, _, name = wanted.partition("/")
    names = wanted.split("/")
    if kind == "contrast":
        contrast = graph.params["study"].get("contrasts", {}).get(name, {})
        names = [side["arm"] for key in ("left", "right") if (side := contrast.get(key))]
    why = why_left_out(graph.params, names)
    return UserError(f"no number {wanted!r}: {why}") if why else None


def read_rows(table: Path) -> list[Row]:
    """The rows of a table with the values of their cells; a number that is missing is NaN."""
    with table.open(newline="", encoding="utf-8") as file:
        return [{column: _value(cell) for column, cell in row.items()} for row in csv.DictReader(file)]


def _value(cell: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell)
    return {"": nan, "True": True, "False": False}.get(cell, cell)


def find_in(tables: Mapping[str, Iterable[Row]], wanted: str, every: bool = False) -> TracedNumber:
    """The number `wanted` in `tables`, by their names in the catalog; see `find_number`."""
    numbers = [number for name, table in tables.items() for number in _numbers(name, table)]
    found = [number for number in numbers if number.name == wanted] or _by_value(numbers, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        names = [number.name for number in numbers]
        known = listed(near(wanted, names) or names)
        raise UserError(f"no number {wanted!r}; a key or a value is asked for, for example:\n  {known}")
    names = [number.name for number in found]
    most = len(names) if every else LISTED
    rest = "" if len(names) <= most else " (all of them: --full)"
    raise UserError(f"{len(names)} numbers read {wanted}; name one by its key{rest}:\n  {listed(names, most)}")


def _numbers(name: str, table: Iterable[Row]) -> Iterator[TracedNumber]:
    for row in table:
        for field, value, seed in _fields(row):
            yield TracedNumber(name, str(row["key"]), field, value, _about(row), row, seed)


def _fields(row: Row) -> Iterator[tuple[str, float, int | None]]:
    """Every number of a row by its column; those of one seed, which stand in JSON, by column and seed."""
    for column, value in row.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            yield column, float(value), None
        elif column.endswith("by_seed") and isinstance(value, str) and value.startswith("{"):
            yield from ((f"{column}.{seed}", float(one), int(seed)) for seed, one in json.loads(value).items())


def _about(row: Row) -> tuple[tuple[str, str], ...]:
    pairs = [(str(row["arm"]), str(row["stage"]))] if "arm" in row and "stage" in row else []
    if "reference" in row:
        pairs.append((str(row["reference"]), str(row.get("reference_stage", row["stage"]))))
    return tuple(pairs)


def _by_value(numbers: list[TracedNumber], text: str) -> list[TracedNumber]:
    """Numbers that print as `text` at the precision in which it is given."""
    digits = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    try:
        # The point is moved, and no digit lost: 30% is .30, not .3.
        value = Decimal(digits.rstrip("%").replace("\N{MINUS SIGN}", "-")).scaleb(-2 if text.endswith("%") else 0)
    except InvalidOperation:
        return []
    exponent = value.as_tuple().exponent
    places = max(-exponent, 0) if isinstance(exponent, int) else 0
    return [number for number in numbers if f"{value:.{places}f}" in _as_printed(number, places)]


def _as_printed(number: TracedNumber, places: int) -> set[str]:
    """The number rounded; a difference also as the one of its two rounded numbers, which is what the report prints."""
    values = {number.value}
    if number.table in DIFFERENCES and number.field == DIFFERENCES[number.table].column:
        values.add(printed_difference(number.table, number.row, places))
    return {f"{value:.{places}f}" for value in values}
