"""A stage in two processes under Slurm itself, which takes its machine away and ends its time."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.stage import run_stage
from tests.pretraining.local.conftest import STAGE, learnable, write_stream
from tests.real_slurm import failing_then_out_of_time, jobs

LONG = STAGE.model_copy(update={"tokens": 16 * STAGE.tokens})  # long enough for what happens to it
TWO = EngineConfig(precision="fp32", save_every=4, heldout_tokens=2_048, processes=2)


def test_one_job_trains_through_a_failed_machine_and_the_end_of_its_time(
    make_job: Callable[..., StageJob], real_slurm: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mix = write_stream(tmp_path / "mix", learnable(LONG.tokens + 1, seed=0))
    undisturbed, curve, _ = run_stage(make_job(mix=mix, stage=LONG, settings=TWO), tmp_path / "here")

    asked = Slurm(time="00:05:00", python=sys.executable, poll_seconds=0.2)
    machines = Machines(asked, gpus_per_node=2, notice_seconds=60, resubmissions=0)
    before = jobs()
    job = make_job(mix=mix, stage=LONG, settings=TWO, machines=machines)
    with failing_then_out_of_time(partial(_saved, tmp_path / "job")):
        trained, curve_by_slurm, _ = run_stage(job, tmp_path / "job")

    assert len(jobs() - before) == 1 and "submitted again" not in caplog.text
    log = next((tmp_path / "job").glob("*/job.log")).read_text()
    assert log.count("time is up: requeued") == 1
    assert folder_md5s(trained) == folder_md5s(undisturbed)
    pd.testing.assert_frame_equal(curve_by_slurm, curve, check_exact=True)


def _saved(scratch: Path) -> int:
    return max((int(path.stem.partition("_")[2]) for path in scratch.glob("*/state_*.md5")), default=0)
