"""Texts and chat data by their names on the Hugging Face hub, in place of what a generator would make."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import field_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hub import stream
from alignment_pretraining.core.spec import Spec

Record = Mapping[str, Any]
_TURNS = {"system", "user", "assistant"}


class HubTable(Spec):
    """A split of a dataset on the hub, or of a local folder of that name. Without `revision` the newest is read."""

    dataset: str
    config: str | None = None
    revision: str | None = None
    split: str = "train"

    @property
    def outside(self) -> str:
        """What it is outside the catalog, by the names of `lineage.outside`."""
        here = Path(self.dataset).exists()
        return f"files:{self.dataset}" if here else f"dataset:{self.dataset}@{self.revision or 'main'}"


class Texts(HubTable):
    """Documents: `text` is a column, or a text with columns in braces, such as "{input}\\n{output}"."""

    text: str = "text"

    @field_validator("text")
    @classmethod
    def _braces_hold_columns(cls, value: str) -> str:
        try:
            fields = list(Formatter().parse(value))
        except ValueError as error:
            raise ValueError(f"broken braces ({error}); write those that are text twice") from None
        if any(spec or conversion for _, _, spec, conversion in fields):
            raise ValueError("braces hold a column's name alone; write those that are text twice")
        return value


class Chats(HubTable):
    """Conversations: the column `messages` holds turns of role and content."""

    messages: str = "messages"


class Pairs(HubTable):
    """Preferences: two columns of turns, which are equal up to the last answers."""

    chosen: str = "chosen"
    rejected: str = "rejected"


class Hub(Spec):
    """`params:synthesis.hub`: what is read in place of being made; documents by actor and direction: `ai_aligned`."""

    documents: dict[str, list[Texts]] = {}
    mcqa: list[Texts] = []
    conversations: list[Chats] = []
    preferences: list[Pairs] = []

    @property
    def tables(self) -> list[HubTable]:
        """All that is read."""
        documents = [table for tables in self.documents.values() for table in tables]
        return [*documents, *self.mcqa, *self.conversations, *self.preferences]

    def reads(self) -> list[str]:
        """What is read outside the catalog, by the names of `lineage.outside`."""
        return sorted({table.outside for table in self.tables})


def read_texts(tables: Sequence[Texts], count: int) -> Iterator[tuple[str, str]]:
    """Id and text of the first `count` rows of all tables, one table after the other.

    Raises:
        UserError: a table cannot be read, or lacks a column.
    """
    return islice(_texts(tables), count)


def read_chats(tables: Sequence[Chats], count: int) -> Iterator[tuple[str, str]]:
    """Id and turns (JSON) of the first `count` conversations; those with turns of tools or without text are left out.

    Raises:
        UserError: as `read_texts`.
    """
    return islice(_chats(tables), count)


def read_pairs(tables: Sequence[Pairs], count: int) -> Iterator[tuple[str, str, str, str]]:
    """Id, prompt (JSON turns), chosen and rejected answer of the first `count` pairs that are of that form.

    Raises:
        UserError: as `read_texts`.
    """
    return islice(_pairs(tables), count)


def _texts(tables: Sequence[Texts]) -> Iterator[tuple[str, str]]:
    for table in tables:
        for key, record in _rows(table):
            text = _text(table, record)
            if text.strip():
                yield key, text


def _chats(tables: Sequence[Chats]) -> Iterator[tuple[str, str]]:
    for table in tables:
        for key, record in _rows(table):
            turns = _turns(table, record, table.messages)
            if turns and turns[-1]["role"] == "assistant":
                yield key, json.dumps(turns)


def _pairs(tables: Sequence[Pairs]) -> Iterator[tuple[str, str, str, str]]:
    for table in tables:
        for key, record in _rows(table):
            chosen, rejected = (_turns(table, record, name) for name in (table.chosen, table.rejected))
            if len(chosen) > 1 and len(rejected) > 1 and chosen[:-1] == rejected[:-1]:
                yield key, json.dumps(chosen[:-1]), chosen[-1]["content"], rejected[-1]["content"]


def _text(table: Texts, record: Record) -> str:
    """The text of a row; nothing where a column of it has none."""
    parsed = [(before, name) for before, name, _, _ in Formatter().parse(table.text)]
    if not any(name for _, name in parsed):
        parsed = [("", table.text)]
    # Not `format`, to which the column a.b is an attribute of a.
    pieces = [(before, _column(table, record, name) if name else "") for before, name in parsed]
    if not all(isinstance(value, str) for _, value in pieces):
        return ""
    return "".join(before + value for before, value in pieces)


def _turns(table: HubTable, record: Record, name: str) -> list[dict[str, str]]:
    """Role and content of each turn; nothing when one has no text or is not of a person or the assistant."""
    messages = _column(table, record, name) or []
    if not isinstance(messages, list) or not all(isinstance(turn, Mapping) for turn in messages):
        raise UserError(
            f"synthesis.hub: {table.dataset} split {table.split}: '{name}' holds no list of turns, each with role and "
            "content; name another column, or another dataset"
        )
    turns = [{"role": turn.get("role"), "content": turn.get("content")} for turn in messages]
    whole = all(turn["role"] in _TURNS and isinstance(turn["content"], str) and turn["content"] for turn in turns)
    return turns if whole else []


def _column(table: HubTable, record: Record, name: str) -> Any:
    if name not in record:
        raise UserError(
            f"synthesis.hub: {table.dataset} split {table.split} has no column '{name}' (it has {', '.join(record)})"
        )
    return record[name]


def _rows(table: HubTable) -> Iterator[tuple[str, Record]]:
    """The rows of a table with their ids, streamed."""
    where = "/".join(filter(None, (table.dataset, table.config, table.split)))
    try:
        for number, record in enumerate(stream(table.dataset, table.config, table.split, table.revision), start=1):
            yield f"{where}:{number}", record
    except Exception as error:  # the library raises anything from ValueError to network errors
        raise UserError(
            f"synthesis.hub: {where} cannot be read ({type(error).__name__}: {error}); a gated dataset needs "
            "`hf auth login` by an account that its owners let in"
        ) from error
