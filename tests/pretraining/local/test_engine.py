"""A stage trains, learns, resumes after any kill to the same bytes, and refuses damaged input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from alignment_pretraining.core.code import work_code
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.core.model import flops_per_token
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.local.job import StageJob
from alignment_pretraining.pretraining.local.stage import run_stage
from alignment_pretraining.pretraining.local.state import saved_states
from tests.pretraining.local.conftest import MODEL, STAGE, VOCABULARY, learnable, write_stream

MakeJob = Callable[..., StageJob]
CODE = work_code(run_stage)


def test_learns_and_writes_a_hugging_face_checkpoint(make_job: MakeJob, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    checkpoint, curve, summary = run_stage(make_job(), tmp_path)

    assert list(curve.columns) == ["step", "tokens", "loss", "lr", "grad_norm", "heldout_loss"]
    assert len(curve) == summary["steps"] == STAGE.steps
    assert curve["heldout_loss"].notna().sum() == 4
    assert curve["loss"].iloc[0] == pytest.approx(np.log(VOCABULARY), rel=0.02)
    assert summary["heldout_loss"] == curve["heldout_loss"].iloc[-1] < 0.8 * np.log(VOCABULARY)
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    assert sum(p.numel() for p in model.parameters()) == summary["parameters"]
    assert model.config.max_position_embeddings == MODEL.max_context
    assert AutoTokenizer.from_pretrained(checkpoint).eos_token_id == model.config.eos_token_id
    assert json.loads((checkpoint / "training.json").read_text())["heldout_loss"] == summary["heldout_loss"]


def test_two_runs_give_the_same_bytes_and_another_seed_does_not(make_job: MakeJob, tmp_path: Path) -> None:
    first, curve, summary = run_stage(make_job(), tmp_path / "a")
    second, curve_again, summary_again = run_stage(make_job(), tmp_path / "b")
    other, *_ = run_stage(make_job(seed=1), tmp_path / "c")

    assert folder_md5s(first) == folder_md5s(second)
    pd.testing.assert_frame_equal(curve, curve_again, check_exact=True)
    assert summary == summary_again
    assert folder_md5s(first)["model.safetensors"] != folder_md5s(other)["model.safetensors"]


def test_a_longer_context_goes_on_from_the_parent(make_job: MakeJob, tmp_path: Path) -> None:
    parent, _, before = run_stage(make_job(), tmp_path)
    longer = STAGE.model_copy(update={"context": 128, "max_lr": 1e-3, "min_lr": 0.0})

    child, curve, after = run_stage(make_job(name="midtraining", start=parent, stage=longer), tmp_path)

    assert curve["loss"].iloc[0] < before["final_loss"] + 0.3
    assert after["heldout_loss"] < before["heldout_loss"]
    assert curve["lr"].iloc[-1] == 0.0
    assert child != parent


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_resumes_to_the_same_bytes(make_job: MakeJob, tmp_path: Path, kill: signal.Signals) -> None:
    job = make_job(settings=make_job().settings.model_copy(update={"save_every": 3}))
    expected, expected_curve, expected_summary = run_stage(job, tmp_path / "whole")
    scratch = tmp_path / "killed"
    work = scratch / job.fingerprint(CODE)
    code = "import pickle, sys; from harness import slow_stage; slow_stage(*pickle.load(sys.stdin.buffer))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    import pickle

    assert child.stdin
    child.stdin.write(pickle.dumps((job, scratch)))
    child.stdin.close()
    deadline = time.monotonic() + 60
    while not saved_states(work) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(kill)
    assert child.wait(60) != 0
    reached = len(torch.load(saved_states(work)[-1], weights_only=True)["rows"])

    resumed, curve, summary = run_stage(job, scratch)

    assert 0 < reached < STAGE.steps
    assert folder_md5s(resumed) == folder_md5s(expected)
    pd.testing.assert_frame_equal(curve, expected_curve, check_exact=True)
    assert summary == expected_summary
    assert not saved_states(work)


def test_a_damaged_state_is_refused_and_the_one_before_it_goes_on(make_job: MakeJob, tmp_path: Path) -> None:
    settings = make_job().settings.model_copy(update={"save_every": 3, "keep_last": 2, "keep_every": 6})
    job = make_job(settings=settings)
    expected, *_ = run_stage(job, tmp_path / "whole")
    kept = saved_states(tmp_path / "whole" / job.fingerprint(CODE))
    assert [path.name for path in kept] == ["state_00000006.pt", "state_00000012.pt"]
    work = tmp_path / "again" / job.fingerprint(CODE)
    shutil.copytree(kept[0].parent, work)
    newest = saved_states(work)[-1]
    newest.write_bytes(newest.read_bytes()[:-7])

    with pytest.raises(UserError, match=r"state_00000012\.pt: .*delete it to go on from .*state_00000006\.pt"):
        run_stage(job, tmp_path / "again")
    newest.unlink()
    resumed, *_ = run_stage(job, tmp_path / "again")

    assert folder_md5s(resumed) == folder_md5s(expected)


def test_speed_and_utilization_go_with_the_curve(make_job: MakeJob, tmp_path: Path) -> None:
    _, curve, _ = run_stage(make_job(peak_tflops=1e-3), tmp_path)

    speed = curve.attrs["speed"]
    assert [row["step"] for row in speed] == list(curve["step"])
    for row in speed:
        flops = row["tokens_per_second"] * flops_per_token(MODEL, STAGE.context)
        assert row["mfu"] == pytest.approx(flops / 1e9)


def test_the_model_writes_at_each_evaluation(make_job: MakeJob, tmp_path: Path) -> None:
    settings = make_job().settings.model_copy(update={"sample_prompt": "abc", "sample_tokens": 5})
    *_, summary = run_stage(make_job(settings=settings), tmp_path)

    assert list(summary["samples"]) == ["4", "8", "12", "16"]
    assert all(text.startswith("abc") and len(text) > 3 for text in summary["samples"].values())


def test_non_finite_loss_stops_and_keeps_the_batch(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(stage=STAGE.model_copy(update={"max_lr": 1e30, "warmup": 0.0, "schedule": "constant"}))

    with pytest.raises(UserError, match="its batch is in") as error:
        run_stage(job, tmp_path)

    (batch,) = tmp_path.rglob("batch_of_step_*.npy")
    assert str(batch) in str(error.value)
    step = int(batch.stem.split("_")[-1])
    sequences = TokenStream.open(job.mix).sequences((step - 1) * STAGE.batch_tokens, 16, STAGE.context)
    assert (np.load(batch) == sequences).all()


def test_a_batch_that_is_not_finite_is_left_out_where_that_is_allowed(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The curve shows it, the summary names the step, and a second one is one too many."""
    clip, bad = torch.nn.utils.clip_grad_norm_, [3]
    steps = iter(range(1, 100))
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda *a: clip(*a) * (float("nan") if next(steps) in bad else 1.0)
    )
    job = make_job()
    allowed = replace(job, settings=job.settings.model_copy(update={"skip_nonfinite": 1}))
    checkpoint, curve, summary = run_stage(allowed, tmp_path)
    assert summary["skipped_steps"] == [3] == curve.step[curve.grad_norm.isna()].tolist()
    assert np.isfinite(summary["final_loss"]) and np.isfinite(summary["heldout_loss"])
    assert "in step 3; its batch is in" in caplog.text and "is left out; 0 more may be" in caplog.text
    assert "skip_nonfinite" not in json.loads((checkpoint / "training.json").read_text())["settings"]
    bad += [STAGE.steps + 2, STAGE.steps + 5]
    with pytest.raises(UserError, match=r"in step 5; .*training\.skip_nonfinite is 1"):
        run_stage(replace(allowed, seed=1), tmp_path)


def test_damaged_parent_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    parent, *_ = run_stage(make_job(), tmp_path)
    weights = parent / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    with pytest.raises(UserError, match=r"model\.safetensors.*truncated"):
        run_stage(make_job(start=parent), tmp_path)


def test_parent_of_another_shape_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    parent, *_ = run_stage(make_job(), tmp_path)

    with pytest.raises(UserError, match="layers 2, not 3"):
        run_stage(make_job(start=parent, model=MODEL.model_copy(update={"layers": 3})), tmp_path)


def test_a_mix_too_short_or_of_another_vocabulary_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    short = write_stream(tmp_path / "short", learnable(STAGE.tokens, seed=0))
    with pytest.raises(UserError, match="lower the stage's `tokens`"):
        run_stage(make_job(mix=short), tmp_path)

    foreign = write_stream(tmp_path / "foreign", learnable(STAGE.tokens + 1, seed=0) + VOCABULARY)
    with pytest.raises(UserError, match="the vocabulary has 512"):
        run_stage(make_job(mix=foreign), tmp_path)


def test_held_out_text_shorter_than_the_context_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    heldout = write_stream(tmp_path / "heldout", learnable(20, seed=1))
    with pytest.raises(UserError, match="20 held-out tokens"):
        run_stage(make_job(heldout=heldout), tmp_path)


def test_work_in_scratch_is_named_by_everything_that_decides_it(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job()
    mix = write_stream(tmp_path / "mix", learnable(STAGE.tokens + 1, seed=5))
    others = [
        replace(job, seed=1),
        replace(job, mix=mix),
        replace(job, name="midtraining"),
        replace(job, stage=STAGE.model_copy(update={"max_lr": 1e-3})),
    ]
    assert len({other.fingerprint(CODE) for other in [job, *others]}) == 5
    same = write_stream(tmp_path / "same", learnable(STAGE.tokens + 1, seed=0))
    assert replace(job, mix=same).fingerprint(CODE) == job.fingerprint(CODE)
