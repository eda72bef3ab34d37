"""What a source gives: documents of a base corpus, and rows that are none."""

from typing import NamedTuple


class Document(NamedTuple):
    """`id` is unique in the corpus; `source` names where the text comes from, with its version where it has one."""

    id: str
    text: str
    source: str


class BadRow(NamedTuple):
    """A row that is kept out of the corpus. `row` is its number in the file or dataset, or its id."""

    source: str
    row: str
    reason: str


class RowError(ValueError):
    """Why a row is no document."""
