"""nanotron and the local engine train the same model: same weights, same shards, every kind of parallelism."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.execution import saves
from alignment_pretraining.execution.ranks import stop_file
from alignment_pretraining.planning.stand_ins import slurm as slurm_stand_in
from alignment_pretraining.pretraining.local.checkpoint import load_parent
from alignment_pretraining.pretraining.nanotron.config import stage_config, write_config
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.pretraining.nanotron.resume import check_resume
from alignment_pretraining.pretraining.nanotron.stage import ClusterJob, run_stage
from tests.pretraining.nanotron.tiny_cluster import STEPS, TIED, UNTIED, cluster, logits_of
from tests.real_slurm import jobs

Jobs = Callable[..., ClusterJob]
Local = Callable[[Model], tuple[Any, list[dict[str, float]]]]

# float32 sums in another order: the largest difference seen over all layouts was 5e-6 nats.
TOLERANCE = 2e-5


def _agrees(result: tuple[Path, Any, dict[str, Any]], model: Model, locally: Local) -> None:
    checkpoint, curve, summary = result
    llama, rows = locally(model)
    assert len(curve) == STEPS
    for key, tolerance in (("loss", TOLERANCE), ("grad_norm", 1e-3), ("lr", 0), ("tokens", 0)):
        np.testing.assert_allclose(curve[key], [row[key] for row in rows], rtol=tolerance, err_msg=key)
    assert summary["heldout_loss"] == pytest.approx(rows[-1]["heldout_loss"], abs=1e-4)
    looked_at = curve["heldout_loss"].dropna()
    assert [str(step) for step in curve["step"][looked_at.index]] == list(summary["samples"])
    np.testing.assert_allclose(looked_at, [rows[i]["heldout_loss"] for i in looked_at.index], atol=1e-4)
    trained = load_parent(checkpoint, model).state_dict()
    for name, weight in llama.state_dict().items():
        torch.testing.assert_close(trained[name], weight, atol=2e-3, rtol=0, msg=name)


@pytest.mark.parametrize(
    ("layout", "model"),
    [
        (Layout(dp=2, tp=2, micro_batch=2, zero=0, sequence_parallel=True, recompute=True, dtype="float32"), UNTIED),
        (Layout(dp=2, tp=2, pp=2, dtype="float32"), TIED),
    ],
    ids=["2x2x1", "2x2x2"],
)
def test_agrees_at(layout: Layout, model: Model, make_job: Jobs, locally: Local, tmp_path: Path) -> None:
    """Of the largest, the save in the middle is kept for good, and has a held-out loss too."""
    job = make_job(model=model, cluster=cluster(layout, keep_every=12 if layout.gpus == 8 else None))
    _agrees(run_stage(job, tmp_path), model, locally)
    if layout.gpus == 8:
        kept = saves.kept_for_good(tmp_path / job.fingerprint() / "checkpoints", 12)
        assert [path.name for path in kept] == ["12", "24"]
        _nanotron_gives_the_converted_logits(job, tmp_path / job.fingerprint())
        _refuses_another_layout(job, tmp_path)


def test_agrees_through_a_slurm_job(
    make_job: Jobs, locally: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = slurm_stand_in.install(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    layout = Layout(dtype="float32", pipeline="afab")
    slurm = {"time": "01:00:00", "python": sys.executable, "poll_seconds": 0.5}
    job = make_job(cluster=cluster(layout, launcher="slurm", slurm=slurm))
    work = tmp_path / job.fingerprint()
    # As the script does when Slurm signals that time is up; the stand-in does not requeue, so the run submits again.
    clock = threading.Thread(target=_time_is_up, args=(work / "checkpoints", stop_file(work)))
    clock.start()
    _agrees(run_stage(job, tmp_path), UNTIED, locally)
    clock.join()
    assert len(list((commands / "state").glob("*.sh"))) == 2
    assert "time is up: requeued" in (work / "job.log").read_text()


def test_agrees_through_slurm_itself(make_job: Jobs, locally: Local, tmp_path: Path, real_slurm: Path) -> None:
    """Told in the middle that time ends, the job saves, leaves and is requeued: the run follows one job."""
    slurm = {"time": "01:00:00", "python": sys.executable, "poll_seconds": 0.5}
    layout = Layout(dp=2, micro_batch=2, dtype="float32")
    job = make_job(cluster=cluster(layout, launcher="slurm", slurm=slurm, staging=True))
    work, before = tmp_path / job.fingerprint(), jobs()
    clock = threading.Thread(target=_slurm_says_that_time_ends, args=(work / "checkpoints", before), daemon=True)
    clock.start()
    _agrees(run_stage(job, tmp_path), UNTIED, locally)
    clock.join()
    assert len(jobs() - before) == 1
    assert (work / "job.log").read_text().count("time is up: requeued") == 1
    assert not (Path(gettempdir()) / work.name).exists(), "all saves were copied"


def test_a_killed_rank_costs_nothing_but_time(make_job: Jobs, locally: Local, tmp_path: Path) -> None:
    """Saves are copied from a disk of the machine, which still has what the killed job left there."""
    job = make_job(model=TIED, cluster=cluster(Layout(pp=2, dtype="float32"), staging=True))
    work = tmp_path / job.fingerprint()
    killer = threading.Thread(target=_kill_a_rank, args=(work / "checkpoints", 1))
    killer.start()
    with pytest.raises(UserError, match=r"(?s)training ended with code.*SIGKILL.*job\.log"):
        run_stage(job, tmp_path)
    killer.join()
    before = saves.newest(work / "checkpoints")
    assert before is not None and int(before.name) < STEPS
    _agrees(run_stage(job, tmp_path), TIED, locally)


def _time_is_up(checkpoints_folder: Path, stop: Path) -> None:
    while not saves.newest(checkpoints_folder):
        time.sleep(0.02)
    stop.touch()


def _slurm_says_that_time_ends(checkpoints_folder: Path, before: set[str]) -> None:
    while not saves.newest(checkpoints_folder):
        time.sleep(0.02)
    (job,) = jobs() - before
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)


def _kill_a_rank(folder: Path, rank: int) -> None:
    """SIGKILL a rank of the training that writes checkpoints to `folder`, as soon as there is one."""
    while not saves.newest(folder):
        time.sleep(0.02)
    ranks = [
        child
        for child in psutil.Process().children(recursive=True)
        if "torch.distributed.run" not in child.cmdline() and child.environ().get("RANK") == str(rank)
    ]
    ranks[0].kill()


def _nanotron_gives_the_converted_logits(job: ClusterJob, work: Path) -> None:
    """nanotron reads the 2x2x2 checkpoint's weights at 1x1x1, and computes what transformers does after conversion."""
    tokens = torch.from_numpy(TokenStream.open(job.mix).sequences(0, 4, job.stage.context)[:, :-1].copy())
    torch.save(tokens, work / "batch.pt")
    last = saves.newest(work / "checkpoints")
    assert last is not None
    config = stage_config(
        job.model,
        job.stage,
        Layout(dtype="float32"),
        name="logits",
        seed=0,
        mix=job.mix,
        weights=last,
        folder=work / "logits",
        save_every=STEPS,
    )
    path = write_config(config, work / "logits.yaml")
    script = Path(__file__).with_name("nanotron_logits.py")
    subprocess.run([sys.executable, script, path, work / "batch.pt", work / "logits.pt"], check=True)
    converted = logits_of(load_parent(work / "checkpoint", job.model), tokens)
    torch.testing.assert_close(torch.load(work / "logits.pt"), converted, atol=1e-4, rtol=1e-4)


def _refuses_another_layout(job: ClusterJob, scratch: Path) -> None:
    last = saves.newest(scratch / job.fingerprint() / "checkpoints")
    assert last is not None
    with pytest.raises(
        UserError, match=r"written at dp 2, tp 2, pp 2, zero 1.*continue it at dp 1, tp 1, pp 1, zero 1"
    ):
        check_resume(last, {"dp": 1, "tp": 1, "pp": 1, "zero": 1})
