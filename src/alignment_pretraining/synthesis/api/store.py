"""Answers and batches on disk: an SQLite file that a killed run leaves whole."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import REFUSALS, Answer

_COLUMNS = ", ".join(field.name for field in fields(Answer))
_VALUES = attrgetter(*(field.name for field in fields(Answer)))
_MARKS = ", ".join("?" for _ in fields(Answer))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, id TEXT, model TEXT, stop_reason TEXT, text TEXT,
    input_tokens INTEGER, cache_write_tokens INTEGER, cache_read_tokens INTEGER, output_tokens INTEGER, usd REAL
);
CREATE INDEX IF NOT EXISTS answers_usd ON answers (usd);
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY, batch_id TEXT, newest_before TEXT, keys TEXT, most_usd REAL, open INTEGER DEFAULT 1
);
CREATE TABLE IF NOT EXISTS reserved (number INTEGER PRIMARY KEY, key TEXT, usd REAL);
CREATE TEMP TABLE wanted (key TEXT, step TEXT);
"""
# Columns that stores of earlier versions lack.
_ADDED = {"submitted": "REAL", "most_each": "REAL"}
# SQLite takes this many values in one statement.
_KEYS_A_QUERY = 30_000


@dataclass(frozen=True)
class Batch:
    """A batch that was or may have been submitted: without an id, it is not known whether the API made it.

    `newest_before` is the newest batch that the account had before; `submitted` is in seconds since 1970. `most_usd` is
    what the batch can cost, `most_each` what one of its answers can.
    """

    number: int
    batch_id: str | None
    newest_before: str | None
    keys: tuple[str, ...]
    most_usd: float
    submitted: float
    most_each: float

    @property
    def age(self) -> float:
        """Seconds since it was submitted."""
        return time.time() - self.submitted


@dataclass(frozen=True)
class Paid:
    """An answer without its text."""

    usd: float
    refused: bool
    input_tokens: int = 0  # those read from the cache apart
    cached_tokens: int = 0
    output_tokens: int = 0


class Store:
    """Answers by content key. No answer is ever changed or deleted, so what was paid for stays paid for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "answers.sqlite"
        self._db = sqlite3.connect(self.path, isolation_level=None)
        # Each commit reaches the disk before it returns.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._db.executescript(_SCHEMA)
        there = {row[1] for row in self._db.execute("PRAGMA table_info(batches)")}
        for name, kind in _ADDED.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE batches ADD COLUMN {name} {kind}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out, which would pay for the same answers. Raises UserError when one is at work."""
        with self.path.with_suffix(".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(f"{self.path}: another run is using these answers; wait for it or stop it") from error
            yield

    def save(self, answers: Iterable[Answer], release: Iterable[int] = ()) -> None:
        """Keep answers, the first one to a key, and give back the reserves of these numbers; all of it or nothing."""
        rows = [tuple(map(_stored, _VALUES(answer))) for answer in answers]
        with self._transaction():
            self._db.executemany(f"INSERT OR IGNORE INTO answers ({_COLUMNS}) VALUES ({_MARKS})", rows)
            self._db.executemany("DELETE FROM reserved WHERE number = ?", [(number,) for number in release])

    def reserve(self, amounts: Iterable[tuple[str, float]]) -> list[int]:
        """Count (key, dollars) as spent until released, as they may be billed without an answer; their numbers."""
        with self._transaction():
            return self._reserve(amounts)

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are there, by key."""
        return {row[0]: Answer(*map(_read, row)) for row in self._select(_COLUMNS, keys)}

    def paid(self, keys: Sequence[str]) -> dict[str, Paid]:
        """What each key that has an answer cost."""
        tokens = "input_tokens + cache_write_tokens, cache_read_tokens, output_tokens"
        return {
            key: Paid(usd, reason in REFUSALS, *counts)
            for key, usd, reason, *counts in self._select(f"key, usd, stop_reason, {tokens}", keys)
        }

    def want(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Note (key, step) of requests that wait for their answers; until `forget_wanted`, or the store is closed."""
        with self._transaction("DEFERRED"):
            self._db.executemany("INSERT INTO wanted VALUES (?, ?)", wanted)

    def forget_wanted(self) -> None:
        """Nothing is wanted any more."""
        self._db.execute("DELETE FROM wanted")

    def paid_for_wanted(self) -> dict[str, tuple[int, float]] | None:
        """Requests and dollars of each step that was wanted; None when one has no answer, or was refused."""
        answered = f"COUNT(answers.key) - TOTAL(stop_reason IN ({', '.join('?' * len(REFUSALS))}))"
        query = (
            f"SELECT step, COUNT(*), TOTAL(usd), {answered} FROM wanted LEFT JOIN answers USING (key) "
            "GROUP BY step ORDER BY MIN(wanted.rowid)"
        )
        rows = self._db.execute(query, REFUSALS).fetchall()
        return (
            None if any(count != well for _, count, _, well in rows) else {step: (n, usd) for step, n, usd, _ in rows}
        )

    def answers(self) -> int:
        """How many there are."""
        return int(self._db.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def spent(self) -> float:
        """Dollars for all answers, and those that may have been billed without one."""
        return float(self._db.execute("SELECT TOTAL(usd) FROM answers").fetchone()[0]) + self.reserved()

    def reserved(self) -> float:
        """Dollars that may have been billed for what never came."""
        return float(self._db.execute("SELECT TOTAL(usd) FROM reserved").fetchone()[0])

    def open_batches(self) -> list[Batch]:
        """Batches whose results are not all collected yet, oldest first."""
        query = (
            "SELECT number, batch_id, newest_before, keys, most_usd, COALESCE(submitted, ?), "
            "COALESCE(most_each, most_usd) FROM batches WHERE open ORDER BY number"
        )
        return [
            Batch(number, batch_id, before, tuple(keys.split()), *amounts)
            for number, batch_id, before, keys, *amounts in self._db.execute(query, (time.time(),))
        ]

    def known_batch_ids(self) -> set[str]:
        """Ids of every batch that this store submitted."""
        return {row[0] for row in self._db.execute("SELECT batch_id FROM batches WHERE batch_id IS NOT NULL")}

    def intend_batch(
        self, newest_before: str | None, keys: Sequence[str], most_usd: float, most_each: float | None = None
    ) -> Batch:
        """Note a batch before it is submitted."""
        values = (newest_before, " ".join(keys), most_usd, time.time(), most_usd if most_each is None else most_each)
        cursor = self._db.execute(
            "INSERT INTO batches (newest_before, keys, most_usd, submitted, most_each) VALUES (?, ?, ?, ?, ?)", values
        )
        assert cursor.lastrowid is not None
        return Batch(cursor.lastrowid, None, newest_before, tuple(keys), most_usd, *values[3:])

    def name_batch(self, batch: Batch, batch_id: str) -> None:
        """Note the id that the API gave to a batch."""
        self._db.execute("UPDATE batches SET batch_id = ? WHERE number = ?", (batch_id, batch.number))

    def close_batch(self, batch: Batch, lost: Iterable[str] = ()) -> float:
        """The batch is collected but for the `lost` keys, or was never submitted.

        Returns:
            Dollars that are reserved for what is lost, as it may have been billed.
        """
        amounts = [(key, batch.most_each) for key in lost]
        with self._transaction():
            self._db.execute("UPDATE batches SET open = 0 WHERE number = ?", (batch.number,))
            self._reserve(amounts)
        return sum(usd for _, usd in amounts)

    def _reserve(self, amounts: Iterable[tuple[str, float]]) -> list[int]:
        insert = "INSERT INTO reserved (key, usd) VALUES (?, ?) RETURNING number"
        return [int(self._db.execute(insert, amount).fetchone()[0]) for amount in amounts]

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have ended it already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _KEYS_A_QUERY):
            part = keys[start : start + _KEYS_A_QUERY]
            marks = ", ".join("?" * len(part))
            yield from self._db.execute(f"SELECT {columns} FROM answers WHERE key IN ({marks})", part)


def _stored(value: Any) -> Any:
    """A value as SQLite takes it: what UTF-8 cannot hold is kept as bytes."""
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def _read(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
