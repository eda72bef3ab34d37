"""Answers and batches on disk: an SQLite file that a killed run leaves whole."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer

_COLUMNS = ", ".join(field.name for field in fields(Answer))
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
"""
# SQLite takes this many values in one statement.
_KEYS_A_QUERY = 30_000


@dataclass(frozen=True)
class Batch:
    """A batch that was or may have been submitted: without an id, the run was stopped while it submitted.

    `newest_before` is the newest batch that the account had before; `most_usd` is what the batch can cost.
    """

    number: int
    batch_id: str | None
    newest_before: str | None
    keys: tuple[str, ...]
    most_usd: float


class Store:
    """Answers by content key. Nothing is ever changed or deleted, so what was paid for stays paid for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "answers.sqlite"
        self._db = sqlite3.connect(self.path, isolation_level=None)
        # Each commit reaches the disk before it returns.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._db.executescript(_SCHEMA)

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

    def save(self, answers: Iterable[Answer]) -> None:
        """Keep answers; the first one to a key stays."""
        rows = [astuple(answer) for answer in answers]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(f"INSERT OR IGNORE INTO answers ({_COLUMNS}) VALUES ({_MARKS})", rows)
        self._db.execute("COMMIT")

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The answers that are there, by key."""
        return {row[0]: Answer(*row) for row in self._select(_COLUMNS, keys)}

    def paid(self, keys: Sequence[str]) -> dict[str, float]:
        """Dollars for each key that has an answer."""
        return dict(self._select("key, usd", keys))

    def spent(self) -> float:
        """Dollars for all answers."""
        return float(self._db.execute("SELECT TOTAL(usd) FROM answers").fetchone()[0])

    def open_batches(self) -> list[Batch]:
        """Batches whose results are not all collected yet, oldest first."""
        query = "SELECT number, batch_id, newest_before, keys, most_usd FROM batches WHERE open ORDER BY number"
        return [
            Batch(number, batch_id, before, tuple(keys.split()), usd)
            for number, batch_id, before, keys, usd in self._db.execute(query)
        ]

    def known_batch_ids(self) -> set[str]:
        """Ids of every batch that this store submitted."""
        return {row[0] for row in self._db.execute("SELECT batch_id FROM batches WHERE batch_id IS NOT NULL")}

    def intend_batch(self, newest_before: str | None, keys: Sequence[str], most_usd: float) -> Batch:
        """Note a batch before it is submitted."""
        cursor = self._db.execute(
            "INSERT INTO batches (newest_before, keys, most_usd) VALUES (?, ?, ?)",
            (newest_before, " ".join(keys), most_usd),
        )
        assert cursor.lastrowid is not None
        return Batch(cursor.lastrowid, None, newest_before, tuple(keys), most_usd)

    def name_batch(self, batch: Batch, batch_id: str) -> None:
        """Note the id that the API gave to a batch."""
        self._db.execute("UPDATE batches SET batch_id = ? WHERE number = ?", (batch_id, batch.number))

    def close_batch(self, batch: Batch) -> None:
        """The batch is collected, or was never submitted."""
        self._db.execute("UPDATE batches SET open = 0 WHERE number = ?", (batch.number,))

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _KEYS_A_QUERY):
            part = keys[start : start + _KEYS_A_QUERY]
            marks = ", ".join("?" * len(part))
            yield from self._db.execute(f"SELECT {columns} FROM answers WHERE key IN ({marks})", part)
