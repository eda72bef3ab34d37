"""A sweep of faults over a study: flipped bits, two runs at once, a silent tracker, kills, full disks.

    python benchmarks/faults.py [--env test] [--sweeps flips kills ...] [--flips 20] [--kills 6] [--full-disks 4]
                                [--seed 0]

Each fault is followed by what a user would do, running the command again, and by a comparison of every result with
those of an undisturbed run. It works in a copy of the committed project, in a temporary folder.
"""

import argparse
import hashlib
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from results import write_result

from alignment_pretraining.core.environments import data_folder

PROJECT = Path(__file__).parents[1]
SWEEPS = ("flips", "two_at_once", "silent_tracker", "kills", "full_disks")
NOT_RESULTS = {"00_scratch", "lineage", ".run.lock"}


@dataclass
class Outcome:
    """A row of the table: how often a fault was tried, in how many cases all was as promised, and what was not."""

    fault: str
    tried: int
    held: int
    not_held: list[str]


class Copy:
    """A copy of the project, and its commands."""

    def __init__(self, root: Path, env: str) -> None:
        self.root = root
        subprocess.run(["git", "clone", "-q", str(PROJECT), str(root)], check=True)
        self.data = root / data_folder(env)
        self.kedro_run = ("kedro", "run", "--env", env)
        self.dvc_yaml = self.data.parent / "dvc.yaml"
        self.dvc_repro = ("dvc", "repro", str(self.dvc_yaml.relative_to(root)))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEDRO_", "MLFLOW_", "DVC_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.variables = kept | {"PATH": path, "PYTHONPATH": str(root / "src"), "DVC_NO_ANALYTICS": "1"}

    def start(self, *command: str, limit: int | None = None, **variables: str) -> "subprocess.Popen[str]":
        """Start a command; `limit` is the largest size of a file that it may write, in bytes."""

        def prepare() -> None:
            if limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as on a full disk, the write fails
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.variables | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )

    def run(self, *command: str, limit: int | None = None, **variables: str) -> tuple[int, str]:
        """Run a command to its end; its exit code and all that it said."""
        process = self.start(*command, limit=limit, **variables)
        said, _ = process.communicate()
        return process.returncode, said

    def results(self) -> dict[str, str]:
        """MD5 of every result."""
        files = [path for path in self.data.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
        return {
            str(path.relative_to(self.data)): hashlib.md5(path.read_bytes()).hexdigest()
            for path in files
            if path.relative_to(self.data).parts[0] not in NOT_RESULTS
        }

    def clean(self) -> None:
        """Remove all that was made, DVC's cache included."""
        made = [path for path in self.data.iterdir() if path.name != "01_raw"] if self.data.exists() else []
        for path in [*made, self.data.parent / "dvc.lock", self.root / ".dvc/cache", self.root / ".dvc/tmp"]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def main() -> None:
    """Print the table, and keep a row of it in `benchmarks/results/faults_<env>_<sweep>.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="test", help="whose study is run")
    parser.add_argument("--sweeps", nargs="+", choices=SWEEPS, default=SWEEPS, help="which faults")
    parser.add_argument("--flips", type=int, help="of how many datasets, drawn at random; without it, of every one")
    parser.add_argument("--kills", type=int, default=6, help="how many runs are killed, by turns of kedro and of dvc")
    parser.add_argument("--full-disks", type=int, default=4, help="how many runs meet a full disk")
    parser.add_argument("--seed", type=int, default=0, help="of the random times, sizes and bits")
    given = parser.parse_args()
    drawn = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder) / "study", given.env)
        copy.run("kedro", "dvc", "--env", given.env)
        begun = time.monotonic()
        code, said = copy.run(*copy.kedro_run)
        if code:
            raise SystemExit(f"the undisturbed run failed:\n{said}")
        seconds = time.monotonic() - begun
        true = copy.results()
        print(f"undisturbed: {seconds:.0f} s, {len(true)} results", flush=True)
        sweeps: dict[str, Callable[[], Outcome]] = {
            "flips": lambda: flips(copy, true, drawn, given.flips),
            "two_at_once": lambda: two_at_once(copy, true),
            "silent_tracker": lambda: silent_tracker(copy, true),
            "kills": lambda: kills(copy, true, drawn, given.kills, seconds),
            "full_disks": lambda: full_disks(copy, true, drawn, given.full_disks),
        }
        for name in given.sweeps:
            outcome = sweeps[name]()
            print(f"{outcome.fault:60} {outcome.held:4} of {outcome.tried:4}", flush=True)
            for line in outcome.not_held:
                print(f"    {line}", flush=True)
            write_result(f"faults_{given.env}_{name}", asdict(outcome), ["kedro", "torch", "mlflow", "dvc"])


def flips(copy: Copy, true: dict[str, str], drawn: random.Random, count: int | None) -> Outcome:
    """A bit of one file of each dataset, or of `count` of them, is flipped, its times set back: the next run must name
    it or make it again."""
    by_dataset: dict[str, str] = {}
    for name in sorted(true):
        by_dataset.setdefault(str(Path(name).parent) if name.count("/") > 1 else name, name)
    files = sorted(by_dataset.values())
    if count:
        files = sorted(drawn.sample(files, min(count, len(files))))
    outcome = Outcome("a flipped bit, times kept: told or mended by the next run", len(files), 0, [])
    for name in files:
        path = copy.data / name
        whole, state = path.read_bytes(), path.stat()
        if not whole:
            outcome.tried -= 1
            continue
        place = drawn.randrange(len(whole))
        damaged = whole[:place] + bytes([whole[place] ^ 1 << drawn.randrange(8)]) + whole[place + 1 :]
        path.write_bytes(damaged)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        code, said = copy.run(*copy.kedro_run)
        print(f"  {name}", flush=True)
        mended = path.is_file() and path.read_bytes() == whole
        if (code == 0 and mended) or (code and "Traceback" not in said):
            outcome.held += 1
        else:
            outcome.not_held.append(f"{name}: exit {code}, {said[-600:] if code else 'served damaged'}")
        if not mended:
            path.write_bytes(whole)
    _same(copy, true, outcome)
    return outcome


def two_at_once(copy: Copy, true: dict[str, str]) -> Outcome:
    """Of two runs in one data folder the second is refused, and the first ends as if it were alone."""
    outcome = Outcome("two runs at once: the second is refused", 1, 0, [])
    copy.clean()
    first = copy.start(*copy.kedro_run)
    while not (copy.data / ".run.lock").exists() or not (copy.data / ".run.lock").read_text():
        time.sleep(0.05)
    code, said = copy.run(*copy.kedro_run)
    first.communicate()
    if code == 1 and "is at work here" in said and first.returncode == 0:
        outcome.held += 1
    else:
        outcome.not_held.append(f"exit {first.returncode} and {code}: {said[-300:]}")
    _same(copy, true, outcome)
    return outcome


def silent_tracker(copy: Copy, true: dict[str, str]) -> Outcome:
    """A tracking server that never answers costs one warning."""
    outcome = Outcome("a tracking server that never answers: one warning", 1, 0, [])
    copy.clean()
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        code, said = copy.run(*copy.kedro_run, MLFLOW_TRACKING_URI=uri)
    if code == 0 and said.count("does not answer") == 1:
        outcome.held += 1
    else:
        outcome.not_held.append(f"exit {code}: {said[-300:]}")
    _same(copy, true, outcome)
    return outcome


def kills(copy: Copy, true: dict[str, str], drawn: random.Random, count: int, seconds: float) -> Outcome:
    """Runs from nothing are killed, all their processes at once, at random times, and run again with the same command:
    `kedro run` and `dvc repro` by turns."""
    outcome = Outcome("SIGKILL at a random time: the next run gives the same bytes", count, 0, [])
    for number in range(count):
        copy.clean()
        command = copy.dvc_repro if number % 2 else copy.kedro_run
        process = copy.start(*command)
        after = drawn.uniform(0.1, 0.95) * seconds
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        code, said = copy.run(*command)
        if code == 0 and copy.results() == true:
            outcome.held += 1
        else:
            outcome.not_held.append(f"{command[0]} killed after {after:.1f} s: exit {code}: {said[-300:]}")
        print(f"  killed after {after:.0f} s", flush=True)
    return outcome


def full_disks(copy: Copy, true: dict[str, str], drawn: random.Random, count: int) -> Outcome:
    """No file may grow beyond a random size, as on a full disk; then there is room again."""
    outcome = Outcome("a full disk: told, and the next run gives the same bytes", count, 0, [])
    for _ in range(count):
        copy.clean()
        limit = int(2 ** drawn.uniform(12, 20))
        code, said = copy.run(*copy.kedro_run, limit=limit)
        again, _ = copy.run(*copy.kedro_run)
        told = code == 0 or ("the disk is full" in said and "Traceback" not in said)
        if told and again == 0 and copy.results() == true:
            outcome.held += 1
        else:
            outcome.not_held.append(f"{limit} bytes: exit {code}, then {again}: {said[-300:]}")
    return outcome


def _same(copy: Copy, true: dict[str, str], outcome: Outcome) -> None:
    if copy.results() != true:
        outcome.held = 0
        outcome.not_held.append("results differ from those of an undisturbed run")


if __name__ == "__main__":
    main()
