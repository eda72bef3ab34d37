"""What every process of a stage is told, and what names the work of one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from alignment_pretraining.execution.config import Slurm
from alignment_pretraining.execution.outcome import leave_outcome
from alignment_pretraining.execution.ranks import Machines
from alignment_pretraining.pretraining.local import launch
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob, read_job, write_job
from alignment_pretraining.pretraining.local.state import Progress, StateWriter
from tests.pretraining.local.conftest import MODEL, STAGE, VOCABULARY

MakeJob = Callable[..., StageJob]
MACHINES = Machines(Slurm(time="1:00:00"), gpus_per_node=8, notice_seconds=300, resubmissions=1)


def test_a_process_reads_the_job_that_was_written(make_job: MakeJob, tmp_path: Path) -> None:
    settings = EngineConfig(processes=2, keep_every=8, sample_prompt="Die KI \u201eist\u201c", micro_batch_tokens=64)
    for changes in ({}, {"settings": settings, "start": tmp_path, "peak_tflops": 12.5, "seed": 2**32 - 1}):
        job = make_job(**changes)
        write_job(job, tmp_path / "new folder" / "stage.json")
        assert read_job(tmp_path / "new folder" / "stage.json") == job


def test_a_process_elsewhere_finds_folders_and_needs_no_machines(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = make_job(mix=Path("mix"), start=Path("parent"), machines=MACHINES)
    write_job(job, tmp_path / "stage.json")
    told = read_job(tmp_path / "stage.json")
    assert (told.mix, told.start) == (tmp_path / "mix", tmp_path / "parent")
    assert told.heldout.is_absolute() and told.tokenizer.is_absolute() and told.machines is None
    assert json.loads((tmp_path / "stage.json").read_text())["name"] == "pretraining"


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"name": "midtraining"},
        {"stage": STAGE.model_copy(update={"warmup": 0.2})},
        {"model": MODEL.model_copy(update={"layers": 1})},
        {"settings": EngineConfig(save_every=4, heldout_tokens=2_048, threads=2)},
        {"settings": EngineConfig(save_every=4, heldout_tokens=2_048, processes=2)},
    ],
    ids=["seed", "name", "stage", "model", "threads", "processes"],
)
def test_whatever_changes_a_result_names_other_work(make_job: MakeJob, changes: dict[str, Any]) -> None:
    assert make_job(**changes).fingerprint({}) != make_job().fingerprint({})


def test_code_and_folders_count_by_content_and_speed_and_machines_for_nothing(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job()
    assert job.fingerprint({"code": {"a.py": "1"}}) != job.fingerprint({"code": {"a.py": "2"}})
    assert make_job(peak_tflops=9.0, machines=MACHINES).fingerprint({}) == job.fingerprint({})
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for file in job.mix.iterdir():
        os.link(file, copy / file.name)
    assert make_job(mix=copy).fingerprint({}) == job.fingerprint({})
    (copy / "tokens.ds").unlink()
    (copy / "tokens.ds").write_bytes((job.mix / "tokens.ds").read_bytes()[:-2] + VOCABULARY.to_bytes(2, "little"))
    assert make_job(mix=copy).fingerprint({}) != job.fingerprint({})


def test_a_stage_that_was_finished_is_taken_up_and_no_process_starts(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "train_in_ranks", None)
    (tmp_path / "checkpoint").mkdir()
    curve = pd.DataFrame({"step": [1, 2], "loss": [2.5, 2.25]})
    leave_outcome((tmp_path / "checkpoint", curve, {"seed": 0}), tmp_path)
    folder, found, summary = launch.run_in_ranks(make_job(), tmp_path)
    assert (folder, summary) == (tmp_path / "checkpoint", {"seed": 0}) and found.equals(curve)


def test_a_stage_is_at_its_last_step_only_once_its_checkpoint_is_there(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of the last step is written before the checkpoint: a job that is killed in between goes on."""

    told: list[int] = []

    def train(ranks: Any, steps: int, metrics: Path, saved: Callable[[], int]) -> None:
        weights = torch.nn.Linear(1, 1)
        told.append(saved())
        for step in (3, steps):
            with StateWriter(tmp_path, last=1, every=None) as states:
                states.save(weights, torch.optim.SGD(weights.parameters()), Progress([{"step": 1.0}] * step))
            told.append(saved())
        (tmp_path / "checkpoint").mkdir()
        leave_outcome((tmp_path / "checkpoint", pd.DataFrame({"step": [steps]}), {}), tmp_path)
        told.append(saved())

    monkeypatch.setattr(launch, "train_in_ranks", train)
    launch.run_in_ranks(make_job(), tmp_path)
    assert told == [0, 3, STAGE.steps - 1, STAGE.steps]
