"""One document of a base corpus."""

from typing import NamedTuple


class Document(NamedTuple):
    """`id` is unique in the corpus; `source` names where the text comes from, with its version where it has one."""

    id: str
    text: str
    source: str
