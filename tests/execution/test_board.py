"""What a run shows of itself: bars on a terminal, lines elsewhere, of work in this process and in others."""

import io
import logging
import time

import pytest
from rich.console import Console

from alignment_pretraining.core.progress import Told, Work, node_name
from alignment_pretraining.execution import board as boards
from alignment_pretraining.execution.board import Board
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
