"""A stage that cannot run is refused before anything is trained or started."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.stage import run_stage
from tests.pretraining.local.conftest import MODEL, STAGE

MakeJob = Callable[..., StageJob]


def test_a_tokenizer_with_more_entries_than_the_model_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(model=MODEL.model_copy(update={"vocab_size": 200}))
    with pytest.raises(UserError, match=r"tokenizer.*: 258 entries, more than study\.model\.vocab_size 200"):
        run_stage(job, tmp_path)


def test_more_processes_than_gpus_are_refused_with_every_other_problem(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError) as error:
        run_stage(make_job(settings=EngineConfig(processes=3)), tmp_path)
    shared, gpus = str(error.value).splitlines()
    assert "are 16 sequences of 64, not a multiple of training.processes 3" in shared
    assert gpus == "training.processes: 3, one a GPU, and this machine has 2; lower it"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("which", ["mix", "heldout"])
def test_a_stream_that_is_not_there_is_named(make_job: MakeJob, tmp_path: Path, which: str) -> None:
    with pytest.raises(UserError, match=r"gone: no \.ds token shard here; run the mixing pipeline again"):
        run_stage(make_job(**{which: tmp_path / "gone"}), tmp_path)


def test_a_parent_without_a_record_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "parent").mkdir()
    with pytest.raises(UserError, match=r"parent/training\.json: not readable as a checkpoint's record"):
        run_stage(make_job(name="midtraining", start=tmp_path / "parent"), tmp_path)


def test_speed_is_told_as_a_share_of_all_processors(make_job: MakeJob) -> None:
    from alignment_pretraining.core.model import flops_per_token
    from alignment_pretraining.pretraining.local.stage import _utilization

    assert _utilization(make_job()) is None
    share = _utilization(make_job(peak_tflops=2.0, settings=EngineConfig(processes=4)))
    assert share and share(1e6) == pytest.approx(1e6 * flops_per_token(MODEL, STAGE.context) / 8e12)
