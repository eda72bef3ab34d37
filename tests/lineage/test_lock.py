"""Two runs in one copy, and inputs that change under a run: what is recorded is what was read."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.lineage.lock import RunLock
from tests.lineage.lineage_project import Project, environment

RECORD = "data/lineage/training/a/a.seed0.train_pretraining.json"


def _heed_signals() -> None:
    """Undo what a shell does to background jobs, in which the tests themselves may run."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def long_run(project: Project, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A run that is inside a node for ten seconds, with the words of the first."""
    project.replace("conf/base/parameters.yml", "steps: 3}", "steps: 3, sleep: 10}")
    child = subprocess.Popen(
        ["kedro", "run", "--pipelines", "training", "--namespaces", "a", *options],
        cwd=project.root,
        env=environment(tracked=project.tracked),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_heed_signals,
    )
    weights = project.root / "data/unfinished/a-pretraining/weights.json"
    weights.unlink(missing_ok=True)
    while not weights.exists():
        assert child.poll() is None, child.stdout and child.stdout.read()
        time.sleep(0.05)
    yield child
    child.kill()
    child.wait()


def test_a_second_run_in_the_same_copy_is_refused_until_the_first_ends(run_toy: Project) -> None:
    with long_run(run_toy) as first:
        refused = run_toy("kedro", "run", "--pipelines", "eval", code=1)
        assert f"process {first.pid} (kedro run --pipelines training --namespaces a) is at work here" in refused
        assert "Traceback" not in refused
        run_toy("kedro", "run", "--env", "test", "--pipelines", "mixing")  # another environment is not in the way
        first.send_signal(signal.SIGKILL)
        first.wait()
        run_toy("kedro", "run", "--pipelines", "mixing")


def test_an_input_that_changes_under_a_node_is_told_and_nothing_is_kept(run_toy: Project) -> None:
    record = (run_toy.root / RECORD).read_bytes()
    with long_run(run_toy) as run:
        run_toy.replace("data/tokens.json", "one", "ONE")
        told = run.communicate()[0]
    assert run.returncode == 1
    assert "data/tokens.json changed while a.seed0.train_pretraining read it" in told and "run it again" in told
    assert (run_toy.root / RECORD).read_bytes() == record
    assert (run_toy.root / "data/models/a/seed0/pretraining/weights.json").exists(), "what was there stays"


def test_the_lock_is_of_one_run_and_says_whose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "deep/data"
    monkeypatch.setattr("sys.argv", ["/usr/bin/kedro", "run", "--params", "x" * 300])
    first, second = RunLock(folder), RunLock(folder)
    first.acquire()
    with pytest.raises(UserError) as error:
        second.acquire()
    said = str(error.value)
    assert said.startswith(f"{folder}: process {os.getpid()} (kedro run --params xxx")
    assert said.endswith(" is at work here; wait for it or stop it, or run another environment")
    assert len(said) < len(str(folder)) + 320
    RunLock(tmp_path / "other").acquire()
    second.release()  # it has none
    with pytest.raises(UserError):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_run_that_ended_leaves_the_same_bytes(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    lock.acquire()
    assert str(os.getpid()) in (tmp_path / ".run.lock").read_text()
    lock.release()
    assert (tmp_path / ".run.lock").read_bytes() == b""


def test_what_a_killed_run_left_in_the_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".run.lock").write_text("process 1 (kedro run " + "x" * 500 + ")\n")
    lock = RunLock(tmp_path)
    lock.acquire()
    text = (tmp_path / ".run.lock").read_text()
    assert text.startswith(f"process {os.getpid()} (") and len(text.splitlines()) == 1
    lock.release()


def test_a_holder_that_says_nothing_is_another_process(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    first.acquire()
    (tmp_path / ".run.lock").write_bytes(b"")
    with pytest.raises(UserError, match="another process is at work here"):
        RunLock(tmp_path).acquire()
    (tmp_path / ".run.lock").write_bytes(b"process \xff\n")
    with pytest.raises(UserError, match=r"process .+ is at work here"):
        RunLock(tmp_path).acquire()
    first.release()
