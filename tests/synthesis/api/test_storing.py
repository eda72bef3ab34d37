"""What was paid for is on disk, or the run ends at once and says why."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core.errors import storage_fault
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.ask import answer_all
from alignment_pretraining.synthesis.api.store import Store
from tests.synthesis.api.local_api import LocalApi
from tests.synthesis.api.requests_for_tests import api_config, billed_usd, some_requests


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_half_a_character_in_an_answer_costs_no_other(server: LocalApi, tmp_path: Path, mode: str) -> None:
    server.set(faults={"surrogate": 1})
    requests = some_requests(200)
    # Little money: a run that stopped storing would wait for it without end.
    done = answer_all(requests, api_config(server.url, mode=mode, max_usd=0.3), tmp_path, "test")
    assert done.answered == 200
    assert set(server.state()["answered"].values()) == {1}
    found = Store(tmp_path).find([request.key for request in requests()])
    [odd] = [answer for answer in found.values() if answer.fault]
    assert odd.stop_reason == "not_text"
    assert "\ud800" in odd.text


def small(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    """SQLite on a disk with room for some 200 answers."""

    def connect_there(*args: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*args, **named)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    return connect_there


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_full_disk_ends_the_run_at_once_and_what_is_stored_stays(
    server: LocalApi, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = some_requests(600)
    config = api_config(server.url, mode=mode)
    Store(tmp_path).close()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            monkeypatch.setattr(sqlite3, "connect", small(sqlite3.connect))
            answer_all(requests, config, tmp_path, "test")
        except sqlite3.Error as error:
            status = 7 if storage_fault(error) else 2
        finally:
            os._exit(status)
    start = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert time.monotonic() - start < 60
    billed = sum(server.state()["answered"].values())
    stored = Store(tmp_path).answers()
    assert 0 < billed < 400
    # Batches of 50 are stored whole; of streams, eight are under way, and those of 20 ms.
    on_the_way = config.queued if mode == "batch" else 100
    assert billed - stored <= on_the_way
    # What came and could not be stored is counted as spent.
    assert Store(tmp_path).spent() >= (billed_usd(server.state()) if mode == "stream" else 0)
    assert answer_all(requests, config, tmp_path, "test").answered == 600
    assert sum(server.state()["answered"].values()) <= 600 + (0 if mode == "batch" else billed - stored)


def test_a_failed_insert_blocks_no_later_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole = Answer("a", "id", "model", "end_turn", "text", 1, 0, 0, 1, usd=0.5)
    with pytest.raises(OverflowError):
        store.save([whole, Answer("b", "id", "model", "end_turn", "text", 2**70, 0, 0, 1, usd=0.5)])
    assert store.answers() == 0
    store.save([whole])
    assert store.find(["a", "b"]) == {"a": whole}


def test_a_store_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "answers.sqlite")
    old.execute(
        "CREATE TABLE batches (number INTEGER PRIMARY KEY, batch_id TEXT, newest_before TEXT, keys TEXT, "
        "most_usd REAL, open INTEGER DEFAULT 1)"
    )
    old.execute("INSERT INTO batches (batch_id, keys, most_usd) VALUES ('made', 'a b', 0.5)")
    old.commit()
    old.close()
    [batch] = Store(tmp_path).open_batches()
    assert (batch.batch_id, batch.keys, batch.most_each) == ("made", ("a", "b"), 0.5)
    assert batch.age < 60  # When it was submitted is not known, so it is not known to be gone.
