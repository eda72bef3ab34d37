"""Ranks on this machine: how they are started, how far they are seen to be, and what is said of those that failed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Told, tell_no_more, tell_to
from alignment_pretraining.execution.torchrun import last_row, run_local

Run = Callable[[str], Path]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ranks by an interpreter that is a few lines of shell; returns their log."""

    def started(shell: str) -> Path:
        interpreter = tmp_path / "python"
        interpreter.write_text(f"#!/bin/sh\n{shell}\n")
        interpreter.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(interpreter))
        log = tmp_path / "logs" / "job.log"
        metrics, label = tmp_path / "curve.jsonl", "pretraining seed 0"
        run_local("a.module", tmp_path / "stage.json", 3, log, metrics=metrics, steps=20, label=label)
        return log

    return started


@pytest.fixture
def told() -> Any:
    """What is told of work while the test runs."""
    heard: list[Told] = []
    tell_to(heard.append)
    yield heard
    tell_no_more(heard.append)


def test_the_ranks_run_the_module_on_its_configuration(run: Run, tmp_path: Path) -> None:
    words = run('echo "$@"').read_text().split()
    assert words[:2] == ["-m", "torch.distributed.run"] and "--nproc-per-node=3" in words
    assert words[-3:] == ["-m", "a.module", str(tmp_path / "stage.json")]


@pytest.mark.parametrize(("before", "threads"), [(None, "1"), ("6", "6")])
def test_a_rank_has_one_thread_unless_its_user_says_otherwise(
    run: Run, monkeypatch: pytest.MonkeyPatch, before: str | None, threads: str
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if before:
        monkeypatch.setenv("OMP_NUM_THREADS", before)
    assert run('echo "$OMP_NUM_THREADS"').read_text() == f"{threads}\n"


def test_a_log_is_of_the_last_run_alone_and_has_both_streams(run: Run) -> None:
    run("echo first")
    assert run("echo out; echo err >&2").read_text() == "out\nerr\n"


def test_how_far_the_ranks_are_is_read_from_their_metrics(run: Run, tmp_path: Path, told: list[Told]) -> None:
    rows = "".join(json.dumps({"step": step, "loss": 2.5 / step}) + "\n" for step in range(1, 8))
    (tmp_path / "rows").write_text(rows)
    run('cat "$(dirname "$0")/rows" > "$(dirname "$0")/curve.jsonl"')
    last = told[-1]
    assert (last.name, last.done, last.total, last.unit) == ("pretraining seed 0", 7, 20, "steps")
    assert last.figures == {"loss": 2.5 / 7} and last.over


def test_ranks_are_asked_to_end_where_this_process_is_interrupted(run: Run, tmp_path: Path) -> None:
    def interrupt(told: Told) -> None:
        if told.done:
            raise KeyboardInterrupt

    step = f"""echo '{{"step": 1, "loss": 2.5}}' >{tmp_path}/curve.jsonl"""
    tell_to(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(f'trap "echo asked to end; exit 0" TERM; {step}; sleep 20 & wait $!')
    finally:
        tell_no_more(interrupt)
    assert (tmp_path / "logs/job.log").read_text() == "asked to end\n"


RULE = "=" * 60
OWN = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "
HINT = "  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (
            ["[rank1]: Traceback (most recent call last):", "[rank1]: ValueError: odd", OWN, RULE],
            "[rank1]: ValueError: odd",
        ),
        (
            ["[rank0]: a.b.UserError: no room", "[rank1]: RuntimeError: peer", OWN, RULE],
            "[rank0]: a.b.UserError: no room",
        ),
        (
            ["[rank0]: RuntimeError: connection closed", "  traceback : Signal 9 (SIGKILL) received by PID 7", RULE],
            "Signal 9 (SIGKILL) received by PID 7",
        ),
        (["[rank0]: KeyError: 'x'", "  traceback : Signal 15 (SIGTERM) received by PID 7"], "[rank0]: KeyError: 'x'"),
        (["starting", "Segmentation fault"], "Segmentation fault"),
        (
            ["Traceback (most recent call last):", "a.b.UserError: nanotron is not there", OWN, RULE, HINT, RULE],
            "a.b.UserError: nanotron is not there",
        ),
        (["starting", OWN, RULE, "  exitcode  : 3 (pid: 7)", HINT, RULE], "exitcode  : 3 (pid: 7)"),
        (["starting", "out of luck", "", RULE], "out of luck"),
        ([], "no output"),
    ],
    ids=[
        "error",
        "first of two",
        "killed",
        "ended by torchrun",
        "last line",
        "before they met",
        "a code",
        "a rule",
        "silence",
    ],
)
def test_the_cause_of_a_failure_is_told(run: Run, tmp_path: Path, lines: list[str], cause: str) -> None:
    (tmp_path / "output").write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(UserError) as error:
        run('cat "$(dirname "$0")/output"; exit 3')
    log = tmp_path / "logs" / "job.log"
    assert str(error.value) == f"training ended with code 3: {cause}\n  (all of its output: {log})"


def test_a_log_of_bytes_that_are_no_text_hides_no_cause(run: Run) -> None:
    with pytest.raises(UserError, match=r"(?s)code 1: \[rank0\]: ValueError: caf.*job\.log"):
        run(r"printf '\377\376 noise\n[rank0]: ValueError: caf\351\n'; exit 1")


ROW = st.fixed_dictionaries({"step": st.integers(1, 10**9), "loss": st.floats(allow_nan=False)})


@given(rows=st.lists(ROW, max_size=5), data=st.data())
def test_a_row_that_is_being_written_is_not_read(
    rows: list[dict[str, float]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    lines = [json.dumps(row) + "\n" for row in rows]
    cut = data.draw(st.integers(0, len("".join(lines))))
    path.write_text("".join(lines)[:cut])
    whole = path.read_text().count("\n")
    assert last_row(path) == (rows[whole - 1] if whole else None)


def test_before_the_first_row_there_is_none(tmp_path: Path) -> None:
    assert last_row(tmp_path / "metrics.jsonl") is None
