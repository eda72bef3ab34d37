"""What a run shows of itself: bars on a terminal, lines elsewhere, of work in this process and in others."""

import io
import logging
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from alignment_pretraining.core.progress import Told, Work, node_name
from alignment_pretraining.execution import board as boards
from alignment_pretraining.execution.board import Board, clock
from alignment_pretraining.execution.workers import run_in_worker
from tests.execution.counting import tell

NODES = [f"{arm}.seed0.train_pretraining" for arm in ("unfiltered", "filtered", "aligned_e2e")]


def _console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=120, height=20, force_terminal=terminal, color_system=None)


def test_work_in_a_worker_is_told_under_its_nodes_name_and_its_log_comes_through_this_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with Board("study", NODES, _console(False)) as board:
        board.begin(NODES[0])
        node_name.set(NODES[0])
        run_in_worker(tell, 30, 12)
        deadline = time.monotonic() + 5
        while "40 %" not in board.line() and time.monotonic() < deadline:
            time.sleep(0.01)
        line = board.line()
        assert f"{NODES[0]} 40 %, loss 2.5" in line and line.startswith("study 0 of 3 nodes")
    assert "a worker says so" in caplog.messages


def test_elsewhere_than_on_a_terminal_lines_come_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "HEARTBEAT_SECONDS", 0.1)
    caplog.set_level(logging.INFO)
    console = _console(False)
    with Board("study", NODES, console) as board:
        for name in NODES[:2]:
            board.begin(name)
        time.sleep(0.15)
        board.end(NODES[0])
        time.sleep(0.1)
    beats = [message for message in caplog.messages if " of 3 nodes" in message]
    assert beats[0].startswith("study 0 of 3 nodes") and beats[-1].startswith("study 1 of 3 nodes")
    assert "left" in beats[-1] and NODES[1] in beats[-1]
    assert caplog.messages[-1].startswith("study: 1 nodes in 0:0")
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_a_terminal_has_a_bar_for_each_node_at_work_and_one_for_all() -> None:
    console = _console(True)
    with Board("study", NODES, console) as board:
        for name in NODES[:2]:
            board.begin(name)
        node_name.set(NODES[1])
        with Work("pretraining", 2000, unit="tokens", done=1000) as work:
            time.sleep(0.25)
            work.advance(250, loss=3.5)
            time.sleep(0.25)
            work.advance(250, loss=3.25)
            time.sleep(0.25)
            shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "study" in shown and "0 of 3 nodes" in shown and NODES[0] in shown
    last = shown[shown.rindex(NODES[1]) :]
    assert " 75 %" in last and "loss 3.25" in last and "tokens/s" in last


def test_what_was_done_by_an_earlier_run_is_no_speed_of_this_one() -> None:
    with Board("study", console=_console(False)) as board:
        node_name.set("")
        with Work("pretraining", 1000, unit="tokens", done=900):
            assert board.line().endswith("pretraining 90 %, 0:00")


def test_nobody_needs_to_listen() -> None:
    with Work("pretraining", 10, unit="tokens") as work:
        work.advance(5)
    assert work.done == 5


def test_what_a_worker_told_is_gone_with_its_node_even_when_it_comes_late() -> None:
    with Board("study", NODES, _console(False)) as board:
        board.begin(NODES[0])
        board.end(NODES[0])
        for over in (False, True):
            board.told(Told(NODES[0], "tokens", 100, 100, {"loss": 2.5}, over))
        assert NODES[0] not in board.line() and board.line().startswith("study 1 of 3 nodes")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (5.4, "0:05"),
        (59.6, "1:00"),
        (750, "12:30"),
        (3_599.7, "1:00:00"),
        (3_723, "1:02:03"),
        (360_000, "100:00:00"),
    ],
)
def test_a_time_is_shown_to_the_second(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


class Clock:
    """A console's clock, which stands until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now

    def board(self, names: list[str], monkeypatch: pytest.MonkeyPatch) -> Board:
        monkeypatch.setattr(boards, "time", SimpleNamespace(monotonic=self))
        return Board("study", names, Console(file=io.StringIO(), width=120, force_terminal=False, get_time=self))


@pytest.fixture
def at() -> Clock:
    return Clock()


def test_nodes_of_a_kind_are_expected_to_last_as_long_as_those_that_ended(
    at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two kinds, 60 and 10 seconds; another kind is guessed to last as long as these on average, 35."""
    names = ["a.train", "b.train", "a.score", "b.score", "report"]
    board = at.board(names, monkeypatch)
    assert board.line() == "study 0 of 5 nodes, 0:00"
    for name, seconds in (("a.train", 60), ("a.score", 10)):
        board.begin(name)
        at.now += seconds
        board.end(name)
    assert board.line() == f"study 2 of 5 nodes, {clock(60 + 10 + 35)} left"
    board.begin("b.train")
    at.now += 45
    assert board.line().startswith(f"study 2 of 5 nodes, {clock(15 + 10 + 35)} left; b.train 0:45")
    at.now += 45
    assert board.line().startswith(f"study 2 of 5 nodes, {clock(10 + 35)} left"), "what is late ends at any moment"


def test_nodes_side_by_side_take_less_time_together(at: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    board = at.board([f"{arm}.train" for arm in "abcdef"], monkeypatch)
    for name in ("a.train", "b.train"):
        board.begin(name)
    at.now += 60
    for name in ("a.train", "b.train"):
        board.end(name)
    assert board.line() == f"study 2 of 6 nodes, {clock(4 * 60 / 2)} left"


def test_only_what_is_expected_counts(at: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    board = at.board(NODES, monkeypatch)
    board.expect([*NODES[:2], "unheard.of"])
    assert board.line().startswith("study 0 of 2 nodes")


def test_a_line_names_three_nodes_and_counts_the_others(at: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    board = at.board(list("abcde"), monkeypatch)
    for name in "abcde":
        board.begin(name)
    assert board.line() == "study 0 of 5 nodes, 0:00; a 0:00; b 0:00; c 0:00; and 2 more"
    board.end("b")
    board.end("a")
    assert board.line().endswith("c 0:00; d 0:00; e 0:00")


@pytest.mark.parametrize(
    ("seconds", "done", "told"),
    [
        (4, 500, None),
        (5, 100, None),
        (5, 500, "train: 400 tokens in 0:05 (loss 2.35, arm filtered, 80 tokens/s)"),
        (3_600, 1_000, "train: 900 tokens in 1:00:00 (loss 2.35, arm filtered, 0.25 tokens/s)"),
    ],
    ids=["short", "nothing done", "seconds", "an hour"],
)
def test_work_that_took_long_leaves_a_line_with_its_figures_and_speed(
    at: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: int,
    done: int,
    told: str | None,
) -> None:
    caplog.set_level(logging.INFO)
    board = at.board([], monkeypatch)
    board.told(Told("train", "tokens", 100, 1_000, {}, False))
    at.now += seconds
    board.told(Told("train", "tokens", done, 1_000, {"loss": 2.3456, "arm": "filtered"}, True))
    assert caplog.messages == ([told] if told else [])
    assert "train" not in board.line(), "no node's work is gone with its end"


def test_work_that_begins_anew_is_as_far_as_it_says(
    at: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Metrics of a killed run are there until the ranks that go on have cut them."""
    board = at.board([], monkeypatch)
    for done in (800, 600):
        board.told(Told("train", "steps", done, 1_000, {}, False))
    assert "train 60 %" in board.line()
    for done in (700, 800):
        at.now += 10
        board.told(Told("train", "steps", done, 1_000, {}, False))
    assert "train 80 %, 10 steps/s, 0:20 left" in board.line()
    caplog.set_level(logging.INFO)
    board.told(Told("train", "steps", 1_000, 1_000, {}, True))
    assert caplog.messages == ["train: 400 steps in 0:20 (20 steps/s)"]


def test_a_board_that_is_closed_hears_nothing_and_has_one_last_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    board = Board("study", NODES, _console(False))
    with board:
        board.begin(NODES[0])
        board.end(NODES[0])
    with Work("late", 10, unit="tokens") as work:
        work.advance(5)
    assert "late" not in board.line()
    assert [message for message in caplog.messages if message.startswith("study: 1 nodes in")]


def test_a_run_in_which_no_node_ended_has_no_last_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Board("study", NODES, _console(False)) as board:
        board.begin(NODES[0])
    assert not caplog.messages


def test_what_is_logged_on_a_terminal_goes_above_the_bars_and_back_again() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    console = _console(True)
    try:
        with Board("study", NODES, console):
            logging.getLogger().warning("above the bars")
        logging.getLogger().warning("after them")
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == "after them\n"
    assert "above the bars" in console.file.getvalue()  # type: ignore[attr-defined]
