"""Several processes train as one does: the same batches in the same order, the same losses, and that after a kill."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alignment_pretraining.core.errors import UserError
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


def test_two_processes_have_the_losses_of_one_and_survive_a_kill(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(mix=write_stream(tmp_path / "mix", learnable(LONGER.tokens + 1, seed=0)), stage=LONGER)
    here = make_job(mix=job.mix, stage=LONGER, settings=TWO)
    _, alone, summary = run_stage(make_job(mix=job.mix, stage=LONGER, settings=ALONE), tmp_path / "one")

    killer = threading.Thread(target=_kill_a_rank, args=(tmp_path / "killed",), daemon=True)
    killer.start()
    with pytest.raises(UserError, match="SIGKILL"):
        run_stage(here, tmp_path / "killed")
    killer.join()
    _, curve, summary_of_two = run_stage(here, tmp_path / "killed")

    assert list(curve.columns) == list(alone.columns) and (curve["tokens"] == alone["tokens"]).all()
    for column in ("loss", "lr", "heldout_loss"):
        assert np.allclose(curve[column], alone[column], rtol=TOLERANCE, equal_nan=True), column
    assert np.allclose(curve["grad_norm"], alone["grad_norm"], rtol=100 * TOLERANCE)
    assert summary_of_two.keys() == summary.keys() and summary_of_two["samples"] == summary["samples"]
    assert 0 < len(curve.attrs["speed"]) < LONGER.steps, "it goes on, and does not begin anew"


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


def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_trained(make_job: MakeJob, tmp_path: Path) -> None:
    told = r"study\.stages\.pretraining\.batch_tokens: 1,024 are 16 sequences of 64, not a multiple of .*processes 3;"
    with pytest.raises(UserError, match=told):
        run_stage(make_job(settings=ALONE.model_copy(update={"processes": 3})), tmp_path)
    assert not list(tmp_path.iterdir())
