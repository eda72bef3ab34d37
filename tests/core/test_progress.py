"""How far work is, as those hear it who run it."""

from collections.abc import Iterator

import pytest

from alignment_pretraining.core.progress import Told, Work, node_name, tell, tell_no_more, tell_to


@pytest.fixture
def heard() -> Iterator[list[Told]]:
    """All that is told while the test runs."""
    told: list[Told] = []
    tell_to(told.append)
    listener = told.append
    yield told
    tell_no_more(listener)


def test_work_is_told_at_its_beginning_and_its_end(heard: list[Told]) -> None:
    with Work("mixing", 10, unit="documents", done=3) as work:
        for number in range(7):
            work.advance(loss=number / 10)
    first, *_, last = heard
    assert first == Told("mixing", "documents", 3, 10, {}, False)
    assert last == Told("mixing", "documents", 10, 10, {"loss": 0.6}, True)


def test_fast_work_is_told_now_and_then(heard: list[Told]) -> None:
    with Work("mixing", 100_000, unit="tokens") as work:
        for _ in range(10_000):
            work.advance(10)
    assert len(heard) < 100
    assert heard[-1].done == 100_000


def test_slow_work_is_told_each_time(heard: list[Told], monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    with Work("training", 3, unit="steps") as work:
        for _ in range(3):
            work.advance()
    assert [told.done for told in heard] == [0, 1, 2, 3, 3]
    assert [told.over for told in heard] == [False] * 4 + [True]


def test_work_that_fails_is_over_where_it_stopped(heard: list[Told]) -> None:
    with pytest.raises(ValueError, match="a fault"), Work("training", 5, unit="steps") as work:
        work.advance(2)
        raise ValueError("a fault")
    assert heard[-1].over and heard[-1].done == 2


def test_work_bears_the_name_of_its_node(heard: list[Told]) -> None:
    token = node_name.set("a.seed0.train")
    try:
        with Work("training", 1, unit="steps"):
            pass
    finally:
        node_name.reset(token)
    assert {told.name for told in heard} == {"a.seed0.train"}


def test_figures_are_replaced_by_name_and_those_told_stay_as_they_were(
    heard: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    with Work("training", 2, unit="steps") as work:
        work.advance(loss=2.0, state="warming up")
        work.advance(loss=1.0)
    assert [told.figures for told in heard[1:3]] == [
        {"loss": 2.0, "state": "warming up"},
        {"loss": 1.0, "state": "warming up"},
    ]


def test_who_no_longer_listens_hears_nothing_and_may_stop_while_told() -> None:
    heard: list[str] = []

    def once(told: Told) -> None:
        heard.append(f"once {told.name}")
        tell_no_more(once)

    def always(told: Told) -> None:
        heard.append(f"always {told.name}")

    tell_to(once)
    tell_to(always)
    try:
        for name in "ab":
            tell(Told(name, "steps", 0, 1, {}, False))
    finally:
        tell_no_more(always)
    tell_no_more(once)  # who does not listen need not stop
    tell(Told("c", "steps", 0, 1, {}, False))
    assert heard == ["once a", "always a", "always b"]
