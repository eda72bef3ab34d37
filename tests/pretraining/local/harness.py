"""Runs a stage in a child process, slowly enough to be killed in the middle."""

import signal
import time
from pathlib import Path
from typing import Any

from alignment_pretraining.pretraining.local import engine
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.stage import run_stage


def slow_stage(job: StageJob, scratch: Path) -> None:
    """`run_stage` with a pause after each step, which Ctrl-C ends even where the shell began with it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    step = engine._step

    def paused(*args: Any) -> tuple[float, float]:
        result = step(*args)
        time.sleep(0.05)
        return result

    setattr(engine, "_step", paused)  # noqa: B010 - mypy refuses to replace a function
    run_stage(job, scratch)
