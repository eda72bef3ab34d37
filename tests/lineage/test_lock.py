"""Two runs in one copy, and inputs that change under a run: what is recorded is what was read."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

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
