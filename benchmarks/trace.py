"""What `kedro trace` of a number costs beside `dvc status` of the same finished study.

    kedro dvc --env test && dvc repro environments/test/dvc.yaml
    python benchmarks/trace.py --env test

Both check hashes of the whole study, and both are run in turn; the least time of each counts, of the processor (user
and system) and by the clock. Both must find nothing that changed.
"""

import argparse
import resource
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from results import write_result

from alignment_pretraining.core.environments import data_folder, environment_folder
from alignment_pretraining.lineage.numbers import read_rows

ROOT = Path(__file__).parents[1]


class Cost(NamedTuple):
    """Seconds of a command."""

    processor: float
    clock: float


def cost(*command: str) -> Cost:
    """What a command takes."""
    before, began = _used(), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return Cost(_used() - before, time.perf_counter() - began)


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="base")
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    key = read_rows(ROOT / data_folder(given.env) / "08_reporting/rates.csv")[0]["key"]
    commands = {
        "dvc status": ("dvc", "status", str(environment_folder(given.env) / "dvc.yaml")),
        "kedro trace": ("kedro", "trace", "--env", given.env, key),
    }
    status = subprocess.run(commands["dvc status"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "up to date" in status, status
    cost(*commands["kedro trace"])  # reads what later ones find in the cache
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(given.repeats):
        for name, command in commands.items():
            costs[name].append(cost(*command))
    least = {name: Cost(*map(min, zip(*found, strict=True))) for name, found in costs.items()}
    for name, (processor, clock) in least.items():
        print(f"{name}: {processor:.2f} s of the processor, {clock:.2f} s by the clock")
    ratio = least["kedro trace"].processor / least["dvc status"].processor
    print(f"kedro trace takes {ratio:.2f} of dvc status")
    found = {name: {key: round(value, 3) for key, value in one._asdict().items()} for name, one in least.items()}
    write_result("trace", found | {"ratio": round(ratio, 2), "repeats": given.repeats}, ["dvc", "kedro"])


if __name__ == "__main__":
    main()
