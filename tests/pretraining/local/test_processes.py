"""Several processes train as one does: the same batches in the same order, the same losses, and that after a kill."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.ranks import Machines, stop_file
from alignment_pretraining.planning.stand_ins import slurm as slurm_stand_in
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.stage import run_stage
from tests.pretraining.local.conftest import STAGE, learnable, write_stream

MakeJob = Callable[..., StageJob]
LONGER = STAGE.model_copy(update={"tokens": 4 * STAGE.tokens})  # long enough to be killed in the middle
ALONE = EngineConfig(precision="fp32", save_every=4, heldout_tokens=2_048)
# Three sequences at once of the eight that each of two processes reads.
TWO = ALONE.model_copy(update={"processes": 2, "micro_batch_tokens": 200, "gradient_checkpointing": True})
TOLERANCE = 1e-5  # of a loss in float32, relative; sums are split in another way (seen: 2e-7)


def test_two_processes_have_the_losses_of_one_and_survive_a_kill(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Started here, where one is killed; and by Slurm, where the first job is short of time, saves and leaves."""
    job = make_job(mix=write_stream(tmp_path / "mix", learnable(LONGER.tokens + 1, seed=0)), stage=LONGER)
    here = make_job(mix=job.mix, stage=LONGER, settings=TWO)
    _, alone, summary = run_stage(make_job(mix=job.mix, stage=LONGER, settings=ALONE), tmp_path / "one")

    killer = _beside(lambda: _kill_a_rank(tmp_path / "killed"))
    with pytest.raises(UserError, match="SIGKILL"):
        run_stage(here, tmp_path / "killed")
    killer.join()
    resumed, curve, summary_of_two = run_stage(here, tmp_path / "killed")

    assert list(curve.columns) == list(alone.columns) and (curve["tokens"] == alone["tokens"]).all()
    for column in ("loss", "lr", "heldout_loss"):
        assert np.allclose(curve[column], alone[column], rtol=TOLERANCE, equal_nan=True), column
    assert np.allclose(curve["grad_norm"], alone["grad_norm"], rtol=100 * TOLERANCE)
    assert summary_of_two.keys() == summary.keys() and summary_of_two["samples"] == summary["samples"]
    assert 0 < len(curve.attrs["speed"]) < LONGER.steps, "it goes on, and does not begin anew"

    commands = slurm_stand_in.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", os.pathsep.join([str(commands), os.environ["PATH"]]))
    asked = Slurm(time="00:05:00", python=sys.executable, poll_seconds=0.2)
    machines = Machines(asked, gpus_per_node=2, notice_seconds=60, resubmissions=0)
    clock = _beside(lambda: _time_is_up(tmp_path / "slurm_job"))
    with caplog.at_level(logging.WARNING):
        left, curve_by_slurm, _ = run_stage(
            make_job(mix=job.mix, stage=LONGER, settings=TWO, machines=machines), tmp_path / "slurm_job"
        )
    clock.join()

    assert caplog.text.count("submitted again") == 1
    assert folder_md5s(left) == folder_md5s(resumed)
    pd.testing.assert_frame_equal(curve_by_slurm, curve, check_exact=True)


def _beside(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def _kill_a_rank(scratch: Path) -> None:
    while not list(scratch.glob("*/state_*.md5")):
        time.sleep(0.002)
    config = str(next(scratch.iterdir()).resolve() / "stage.json").encode()
    ranks = [file.parent.name for file in Path("/proc").glob("[0-9]*/cmdline") if _is_rank(file, config)]
    os.kill(int(ranks[-1]), signal.SIGKILL)


def _is_rank(file: Path, config: bytes) -> bool:
    try:
        words = file.read_bytes().split(b"\0")
    except OSError:
        return False
    return config in words and b"torch.distributed.run" not in words


def _time_is_up(scratch: Path) -> None:
    while not any(path.stat().st_size for path in scratch.glob("*/curve.jsonl")):
        time.sleep(0.002)
    stop_file(next(scratch.iterdir())).touch()


def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_trained(make_job: MakeJob, tmp_path: Path) -> None:
    told = r"study\.stages\.pretraining\.batch_tokens: 1,024 are 16 sequences of 64, not a multiple of .*processes 3;"
    with pytest.raises(UserError, match=told):
        run_stage(make_job(settings=ALONE.model_copy(update={"processes": 3})), tmp_path)
    assert not list(tmp_path.iterdir())
