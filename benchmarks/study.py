"""How long the default study takes, by pipeline, how much memory, and how long a second run that has nothing to do.

    python benchmarks/study.py

It clones this repository's last commit into a temporary folder and runs `dvc repro` there twice, with the programs of
the environment that runs it. Memory is the largest sum over all processes at once, sampled four times a second.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil
from results import write_result

PROJECT = Path(__file__).parents[1]


def main() -> None:
    """Print the table, and keep it in `benchmarks/results/study.json`."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), folder], check=True)
        seconds, peak = _repro(Path(folder))
        again, _ = _repro(Path(folder))
    for pipeline, spent in seconds.items():
        print(f"{pipeline:15} {spent:7.1f} s")
    print(f"{'all':15} {sum(seconds.values()):7.1f} s, at most {peak / 2**30:.2f} GiB")
    print(f"{'again':15} {sum(again.values()):7.1f} s")
    found = {"seconds": seconds, "again_seconds": sum(again.values()), "peak_gib": peak / 2**30}
    write_result("study", found, ["torch", "transformers", "kedro", "dvc", "mlflow"])


def _repro(project: Path) -> tuple[dict[str, float], int]:
    """Seconds by pipeline (`-`: DVC itself) and peak memory in bytes of one `dvc repro`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "PYTHONPATH": str(project / "src")}
    seconds: dict[str, float] = defaultdict(float)
    pipeline, since = "-", time.perf_counter()
    with subprocess.Popen(
        ["dvc", "repro"], cwd=project, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        peak = _Peak(process.pid)
        assert process.stdout
        for line in process.stdout:
            if line.startswith("Running stage"):
                seconds[pipeline] += time.perf_counter() - since
                pipeline, since = line.split("'")[1].split("-")[0], time.perf_counter()
    seconds[pipeline] += time.perf_counter() - since
    if process.returncode:
        sys.exit(f"dvc repro failed in {project}")
    return seconds, peak.stop()


class _Peak:
    """Largest memory of a process and its descendants, until `stop`."""

    def __init__(self, pid: int) -> None:
        self._process, self._peak, self._done = psutil.Process(pid), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._done.wait(0.25):
            total = 0
            try:
                for process in [self._process, *self._process.children(recursive=True)]:
                    total += process.memory_info().rss
            except psutil.Error:
                continue
            self._peak = max(self._peak, total)


if __name__ == "__main__":
    main()
