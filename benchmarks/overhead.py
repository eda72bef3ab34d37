"""What lineage and MLflow add to a run in which every node runs: the processor time of their hooks beside that of all
processes, and the time that the hooks take.

    python benchmarks/overhead.py --env test

The process that holds the hooks waits for others that train, and in its hooks for a free core, the disk and MLflow:
most of the time that they take is not added to the run's.
"""

import argparse
import functools
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from kedro.framework.cli.cli import KedroCLI
from results import write_result

from alignment_pretraining.lineage import hooks, live_run, tracker

ROOT = Path(__file__).parents[1]
# What the hooks call, by place.
TIMED: tuple[tuple[Any, str], ...] = (
    (hooks, "Graph"),
    (hooks, "check"),
    (hooks, "up_to_date"),
    *((live_run.LiveRun, name) for name in ("begin", "computed", "saved", "told", "end")),
)


def main(env: str) -> None:
    """Run, print the shares, and keep them in `benchmarks/results/overhead.json`."""
    taken: defaultdict[str, float] = defaultdict(float)
    computed: defaultdict[str, float] = defaultdict(float)
    lock = threading.Lock()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function, updated=())
        def call(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                with lock:
                    taken[name] += time.perf_counter() - begun[0]
                    computed[name] += time.thread_time() - begun[1]

        return call

    for owner, name in TIMED:
        setattr(owner, name, timed(name, getattr(owner, name)))
    # MLflow is called in threads of its own, for which the hooks wait.
    within = tracker.within
    tracker.within = lambda seconds, call: within(seconds, timed("mlflow", call))
    start = time.perf_counter()
    code = KedroCLI(ROOT)(["run", "--env", env, "--force"], standalone_mode=False)
    whole = time.perf_counter() - start
    if code:
        raise SystemExit(code)
    of_run = _processor_seconds()
    for name, seconds in sorted(computed.items(), key=lambda item: -item[1]):
        print(f"{name:12} {seconds:7.2f} s of a processor, {taken[name]:7.2f} s by the clock")
    of_hooks = sum(computed.values())
    by_clock = sum(seconds for name, seconds in taken.items() if name != "mlflow")
    print(f"processor: {of_hooks:.1f} s of {of_run:.1f} s: {of_hooks / of_run:.1%}")
    print(f"clock: {by_clock:.1f} s in the threads of a run of {whole:.1f} s")
    write_result(
        "overhead",
        {
            "run_processor_seconds": of_run,
            "hooks_processor_seconds": dict(computed),
            "share": of_hooks / of_run,
            "run_seconds": whole,
            "hooks_seconds": dict(taken),
        },
        ["kedro", "mlflow"],
    )


def _processor_seconds() -> float:
    """Of this process and all that it began: those that have ended, and those that wait for more work."""
    ended = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    waiting = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    seconds = [used.ru_utime + used.ru_stime for used in ended]
    seconds += [used.user + used.system + used.children_user + used.children_system for used in waiting]
    return sum(seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="base")
    main(parser.parse_args().env)
