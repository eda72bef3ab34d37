"""Runs a stage's ranks on one machine with torchrun."""

import os
import re
import subprocess
import sys
from pathlib import Path

from alignment_pretraining.errors import UserError

_ERROR = re.compile(r"\[rank\d+\]: [\w.]*(Error|Exception|Exit|Interrupt)\b")


def run_local(config: Path, processes: int, log: Path) -> None:
    """Run `entry` in `processes` ranks here and wait; their output goes to `log`.

    Raises:
        UserError: a rank failed; names the log and shows its end.
    """
    command = [
        sys.executable,
        *("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"),
        *("-m", "alignment_pretraining.training.nanotron.entry", str(config)),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        ended = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env={"OMP_NUM_THREADS": "1", **os.environ}
        )
    if ended.returncode:
        raise UserError(f"training ended with code {ended.returncode}: {_cause(log)}\n  (all of its output: {log})")


def _cause(log: Path) -> str:
    """The first error that a rank reports, or the last line."""
    lines = log.read_text().splitlines() or ["no output"]
    return next((line for line in lines if _ERROR.match(line)), lines[-1])
