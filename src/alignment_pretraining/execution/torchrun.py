"""Runs the ranks of a training on one machine with torchrun."""

import ctypes
import gc
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import Work

# torchrun says which rank a signal ended (it sends SIGTERM, 15, to the others itself); a rank shows its exception.
_KILLED = re.compile(r"\s*traceback : (Signal (?!15\b).*)")
_ERROR = re.compile(r"(\[rank\d+\]: [\w.]*(?:Error|Exception|Exit|Interrupt)\b.*)")
# Before ranks have met, a rank's exception has no number in front; torchrun ends its own with a rule.
_EARLY = re.compile(r"((?!torch\.distributed\.)[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*)")
_CODE = re.compile(r"\s*(exitcode\s*: .*)")
_RULE = re.compile(r"[=\-*\s]*")
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent ends


def run_local(
    module: str, config: Path, processes: int, log: Path, *, metrics: Path, steps: int, label: str = ""
) -> None:
    """Run `python -m module config` in `processes` ranks here and wait; their output goes to `log`.

    How far they are is read from `metrics`, a line a step. The ranks end with this process.

    Raises:
        UserError: a rank failed; names the log and shows its end.
    """
    command = [
        sys.executable,
        *("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"),
        *("-m", module, str(config)),
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    _give_back_gpu_memory()
    with (
        log.open("w") as stream,
        Work(label, steps, unit="steps") as shown,
        subprocess.Popen(
            command,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={"OMP_NUM_THREADS": "1", **os.environ},
            preexec_fn=_end_with_parent,
        ) as ranks,
    ):
        try:
            while ranks.poll() is None:
                _follow(shown, metrics)
                try:
                    ranks.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            ranks.terminate()  # torchrun passes it on; ranks that ended by themselves are not touched
        _follow(shown, metrics)
    if ranks.returncode:
        raise UserError(f"training ended with code {ranks.returncode}: {_cause(log)}\n  (all of its output: {log})")


def _give_back_gpu_memory() -> None:
    """What this process keeps on a GPU of an earlier node, such as an evaluation: the ranks need it."""
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def last_row(metrics: Path) -> dict[str, float] | None:
    """The newest whole line that the logging rank wrote, or None."""
    lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
    whole = [line for line in lines[-2:] if line.endswith("\n")]
    return json.loads(whole[-1]) if whole else None


def _follow(shown: Work, metrics: Path) -> None:
    row = last_row(metrics)
    if row:
        shown.advance(int(row["step"]) - shown.done, loss=row["loss"])


def _end_with_parent() -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _cause(log: Path) -> str:
    """The signal that ended a rank, or the first error that one reports, or the last line."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if not _RULE.fullmatch(line)]
    found = (
        match.group(1) for kind in (_KILLED, _ERROR, _EARLY, _CODE) for line in lines if (match := kind.match(line))
    )
    return next(found, lines[-1] if lines else "no output")
