"""What lineage and MLflow add to a run: the time in their hooks beside that of the whole run, in which every node runs.

    python benchmarks/overhead.py --env test

The process that holds the hooks waits while others train, so part of that time costs nothing: the share is the most
that they can add.
"""

import argparse
import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.framework.cli.cli import KedroCLI
from results import write_result

from alignment_pretraining.lineage import hooks, live_run

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
    seconds: defaultdict[str, float] = defaultdict(float)
    lock = threading.Lock()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function, updated=())
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                with lock:
                    seconds[name] += time.perf_counter() - start

        return call

    for owner, name in TIMED:
        setattr(owner, name, timed(name, getattr(owner, name)))
    start = time.perf_counter()
    code = KedroCLI(ROOT)(["run", "--env", env, "--force"], standalone_mode=False)
    whole = time.perf_counter() - start
    if code:
        raise SystemExit(code)
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{name:12} {spent:7.2f} s")
    share = sum(seconds.values()) / whole
    print(f"{sum(seconds.values()):.1f} s of {whole:.1f} s: {share:.1%}")
    write_result(
        "overhead", {"run_seconds": whole, "hooks_seconds": dict(seconds), "share": share}, ["kedro", "mlflow"]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="base")
    main(parser.parse_args().env)
