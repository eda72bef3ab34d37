"""The store: what went in comes out, the first answer stays, and money is counted to the last reserve."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.store import Paid, Store

ANSWER = Answer("a", "msg_1", "model", "end_turn", "text", 1, 2, 3, 4, usd=0.5)

# Any text, half characters included.
texts = st.text(st.characters(), max_size=5) | st.text("a\ud800\udfff\0\u00e9\U0001f600", max_size=9)
counts = st.integers(0, 2**63 - 1)
answers = st.builds(Answer, texts, texts, texts, texts, texts, counts, counts, counts, counts, st.floats(0, 1e9))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@settings(max_examples=20)
@given(found=st.lists(answers, max_size=5, unique_by=lambda answer: answer.text))
def test_what_is_kept_is_found_as_it_was(tmp_path_factory: pytest.TempPathFactory, found: list[Answer]) -> None:
    keyed = {f"key {number}": answer for number, answer in enumerate(found)}
    kept = {key: dataclasses.replace(answer, key=key) for key, answer in keyed.items()}
    folder = tmp_path_factory.mktemp("store")
    with closing(Store(folder)) as store:
        store.save(kept.values())
    with closing(Store(folder)) as store:
        assert store.find([*kept, "not there"]) == kept
        assert store.spent() == pytest.approx(sum(answer.usd for answer in kept.values()))


def test_the_first_answer_to_a_key_stays(store: Store) -> None:
    store.save([ANSWER])
    store.save([dataclasses.replace(ANSWER, text="another", usd=9.0)])
    assert store.find(["a"]) == {"a": ANSWER}
    assert (store.answers(), store.spent()) == (1, 0.5)


def test_more_keys_than_sqlite_takes_at_once_are_found(store: Store) -> None:
    keys = [f"{number:05d}" for number in range(60_001)]
    store.save([dataclasses.replace(ANSWER, key=key) for key in (keys[0], keys[29_999], keys[60_000])])
    assert sorted(store.find(keys)) == [keys[0], keys[29_999], keys[60_000]]
    assert store.find([]) == {} and store.paid([]) == {}


@pytest.mark.parametrize(
    ("stop_reason", "refused"), [("end_turn", False), ("max_tokens", False), ("refusal", True), ("", False)]
)
def test_what_was_paid_is_told_without_the_text(store: Store, stop_reason: str, refused: bool) -> None:
    store.save([dataclasses.replace(ANSWER, stop_reason=stop_reason)])
    assert store.paid(["a", "b"]) == {
        "a": Paid(0.5, refused, input_tokens=1 + 2, cached_tokens=3, output_tokens=4),
    }


def test_a_reserve_counts_until_its_own_number_is_released(store: Store) -> None:
    first, second, third = store.reserve([("a", 0.25), ("a", 0.5), ("b", 1.0)])
    assert (store.reserved(), store.spent()) == (1.75, 1.75)
    store.save([ANSWER], release=[second])
    assert (store.reserved(), store.spent()) == (1.25, 1.75)
    store.save([], release=[first, third, 12345])
    assert (store.reserved(), store.spent()) == (0.0, 0.5)


def test_an_answer_that_cannot_be_kept_releases_nothing(store: Store) -> None:
    [number] = store.reserve([("a", 0.25)])
    with pytest.raises(OverflowError):
        store.save([dataclasses.replace(ANSWER, input_tokens=2**70)], release=[number])
    assert (store.answers(), store.reserved()) == (0, 0.25)


def test_a_batch_is_open_from_before_it_is_sent_until_it_is_closed(tmp_path: Path, store: Store) -> None:
    intended = store.intend_batch("newest", ["a", "b"], 0.75, 0.5)
    store.name_batch(intended, "msgbatch_1")
    nameless = store.intend_batch(None, ["c"], 0.25)
    with closing(Store(tmp_path)) as again:
        first, second = again.open_batches()
    assert (first.batch_id, first.newest_before, first.keys) == ("msgbatch_1", "newest", ("a", "b"))
    assert (first.most_usd, first.most_each) == (0.75, 0.5)
    assert (second.batch_id, second.newest_before, second.most_each) == (None, None, 0.25)
    assert 0 <= first.age < 60
    assert store.close_batch(intended, lost=["a", "b"]) == store.reserved() == 1.0
    assert [batch.number for batch in store.open_batches()] == [nameless.number]
    assert store.close_batch(nameless) == 0.0
    assert store.open_batches() == [] and store.known_batch_ids() == {"msgbatch_1"}
    assert store.reserved() == 1.0


@pytest.mark.parametrize(
    ("stops", "paid"),
    [
        (["end_turn"] * 3, {"write": (2, 1.0), "strip": (1, 0.5)}),
        (["end_turn", "max_tokens", "end_turn"], {"write": (2, 1.0), "strip": (1, 0.5)}),
        (["end_turn", "refusal", "end_turn"], None),
        (["end_turn", "end_turn", None], None),
    ],
)
def test_what_was_wanted_is_paid_once_each_has_an_answer_and_none_was_refused(
    store: Store, stops: list[str | None], paid: dict[str, tuple[int, float]] | None
) -> None:
    store.save([dataclasses.replace(ANSWER, key=f"k{n}", stop_reason=stop) for n, stop in enumerate(stops) if stop])
    store.want([("k0", "write"), ("k1", "write")])
    store.want([("k2", "strip")])
    assert store.paid_for_wanted() == paid
    store.forget_wanted()
    assert store.paid_for_wanted() == {}


def test_a_request_that_is_wanted_twice_counts_twice_and_is_one_answer(store: Store) -> None:
    store.save([ANSWER])
    store.want([("a", "write"), ("a", "write")])
    assert store.paid_for_wanted() == {"write": (2, 1.0)}
    assert store.answers() == 1


def test_a_lock_ends_with_its_run(tmp_path: Path, store: Store) -> None:
    with closing(Store(tmp_path)) as other:
        told = pytest.raises(UserError, match=r"answers\.sqlite: another run .* wait for it or stop it")
        with store.locked(), told, other.locked():
            pass
        with pytest.raises(KeyboardInterrupt), store.locked():
            raise KeyboardInterrupt
        with other.locked():
            pass


def test_a_reader_sees_what_was_committed_while_another_writes(tmp_path: Path, store: Store) -> None:
    store.save([ANSWER])
    writing = sqlite3.connect(store.path, isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("UPDATE answers SET text = 'half'")
    with closing(Store(tmp_path)) as reader:
        assert reader.find(["a"]) == {"a": ANSWER}
    writing.close()  # as a killed process leaves it
    assert store.find(["a"]) == {"a": ANSWER}
