"""Runs a stage's ranks on one machine with torchrun."""

import os
import re
import subprocess
import sys
from pathlib import Path

from alignment_pretraining.errors import UserError

# torchrun says which rank a signal ended (it sends SIGTERM, 15, to the others itself); a rank shows its exception.
_KILLED = re.compile(r"\s*traceback : (Signal (?!15\b).*)")
_ERROR = re.compile(r"(\[rank\d+\]: [\w.]*(?:Error|Exception|Exit|Interrupt)\b.*)")


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
    """The signal that ended a rank, or the first error that one reports, or the last line."""
    lines = log.read_text().splitlines() or ["no output"]
    found = (match.group(1) for kind in (_KILLED, _ERROR) for line in lines if (match := kind.match(line)))
    return next(found, lines[-1])
