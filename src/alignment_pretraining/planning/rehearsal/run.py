"""`kedro rehearse`: the whole study of an environment, small, from the first document to the report."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_pretraining.core.environments import BASE, data_folder
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.parameters import Parameters
from alignment_pretraining.planning.preflight.check import needs_of, refuse_short
from alignment_pretraining.planning.rehearsal.project import lay_out, variables
from alignment_pretraining.planning.rehearsal.shrink import shrink
from alignment_pretraining.pretraining.nanotron.cluster import check_stage
from alignment_pretraining.study import BASE_STAGES

REPORT = "08_reporting/report.html"
_LOG = "rehearsal.log"
_SHOWN = 25
_PROGRESS = re.compile(r"study \d+ of \d+ nodes.*")


@dataclass(frozen=True)
class Rehearsed:
    """What ran: the arms, nodes by what they do, the hub's names that were stood in for, benchmarks that were left out,
    and where the report is."""

    arms: list[str]
    nodes: Counter[str]
    stood_in: list[str]
    left_out: list[str]
    report: Path
    seconds: float


def rehearse(
    root: Path, env: str, written: Mapping[str, Any], parameters: Parameters, load: Callable[[str], Any], folder: Path
) -> Rehearsed:
    """Run the environment, shrunk, in the empty `folder`, after its preflight at its real size.

    Args:
        root: The project.
        env: The environment's name.
        written: Its parameters as they are written.
        parameters: Their specification.
        load: Gives the folders of the catalog.
        folder: Where it runs.

    Raises:
        UserError: the real study is short of something or cannot be laid out; or the rehearsal failed: its last lines.
    """
    refuse_short((need for need in needs_of(parameters, load, root / data_folder(env)) if not need.here), env)
    if (cluster := parameters.cluster) and parameters.machine == "cluster":
        for name in BASE_STAGES:
            check_stage(parameters.study.model, getattr(parameters.study.stages, name), cluster.layout(name), cluster)
    small = shrink(written, parameters)
    stood_in = lay_out(root, env, small, parameters, folder)
    started = time.perf_counter()
    _run(env, folder, parameters)
    records = (folder / data_folder(env) / "lineage").glob("*/*/*.json")
    nodes = Counter(record.stem.rpartition(".")[2] for record in records)
    report = folder / data_folder(env) / REPORT
    if not report.is_file():
        raise UserError(f"the rehearsal of {env} made no {report}")
    left_out = [name for name in parameters.capability.tasks if name not in small["capability"]["tasks"]]
    return Rehearsed(small["study"]["run"], nodes, stood_in, left_out, report, time.perf_counter() - started)


def _run(env: str, folder: Path, parameters: Parameters) -> None:
    """`kedro run`; what it says is kept in a file, and how far it is is passed on."""
    command = [sys.executable, "-m", "kedro", "run", *(() if env == BASE else ("--env", env))]
    log = folder / _LOG
    with (
        variables(folder, parameters) as found,
        log.open("w", buffering=1) as kept,
        subprocess.Popen(
            command, cwd=folder, env=found, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as run,
    ):
        assert run.stdout
        try:
            for line in run.stdout:
                kept.write(line)
                if progress := _PROGRESS.search(line):
                    print(f"rehearsal of {env}: {progress[0]}", file=sys.stderr, flush=True)
        finally:
            run.terminate()
    if run.returncode:
        last = "\n  ".join(log.read_text().splitlines()[-_SHOWN:])
        raise UserError(f"the rehearsal of {env} failed (--keep FOLDER keeps its files):\n  {last}")
