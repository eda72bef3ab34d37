"""DPO in two processes: the losses of one; and under Slurm itself, which takes the machine away and ends the time."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.study import DpoStage
from tests.real_slurm import failing_then_out_of_time, jobs

TOLERANCE = 1e-5  # of a loss in float32; sums are split in another way
# Long enough for what happens to it.
DPO = DpoStage(pairs=32, epochs=12, context=64, batch_size=8, max_lr=1e-3, warmup=0.1, beta=0.5)


def test_one_job_trains_through_a_failed_machine_and_the_end_of_its_time(
    base: Path,
    preferences: pd.DataFrame,
    real_slurm: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = {"precision": "fp32", "threads": 1, "save_every": 4, "processes": 2, "micro_batch": 2}
    here = PostTrainingConfig.model_validate(told)
    undisturbed, curve, _ = run_chat_stage(ChatJob(preferences, base, DPO, 0, here), tmp_path / "here")
    one = here.model_copy(update={"processes": 1})
    _, alone, _ = run_chat_stage(ChatJob(preferences, base, DPO, 0, one), tmp_path / "one")
    for column in ("loss", "reward_accuracy", "reward_margin"):
        assert np.allclose(curve[column], alone[column], rtol=TOLERANCE, atol=TOLERANCE), column

    asked = Slurm(time="00:05:00", python=sys.executable, poll_seconds=0.2)
    machines = Machines(asked, gpus_per_node=2, notice_seconds=60, resubmissions=0)
    by_slurm = PostTrainingConfig.model_validate(told | {"launcher": "slurm"})
    before = jobs()
    job = ChatJob(preferences, base, DPO, 0, by_slurm, machines)
    with failing_then_out_of_time(partial(_saved, tmp_path / "job")):
        trained, curve_by_slurm, _ = run_chat_stage(job, tmp_path / "job")

    assert len(jobs() - before) == 1 and "submitted again" not in caplog.text
    log = next((tmp_path / "job").glob("*/job.log")).read_text()
    assert log.count("time is up: requeued") == 1
    assert folder_md5s(trained) == folder_md5s(undisturbed)
    pd.testing.assert_frame_equal(curve_by_slurm, curve, check_exact=True)


def _saved(scratch: Path) -> int:
    return max((int(path.parent.name.rpartition("-")[2]) for path in scratch.glob("*/saves/*/whole.json")), default=0)
