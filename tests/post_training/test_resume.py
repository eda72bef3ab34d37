"""A stage that was killed goes on to the weights that it would have had."""

import multiprocessing
import time
from pathlib import Path

import pandas as pd

from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.core.progress import Told, tell_no_more, tell_to
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.study import DpoStage

DPO = DpoStage(pairs=44, epochs=4, context=64, batch_size=8, max_lr=1e-3, warmup=0.1, beta=0.5)


def test_a_killed_stage_ends_with_the_same_weights(base: Path, preferences: pd.DataFrame, tmp_path: Path) -> None:
    job = ChatJob(preferences, base, DPO, seed=0, settings=PostTrainingConfig(save_every=8, threads=1))
    undisturbed, curve, summary = run_chat_stage(job, tmp_path / "a")

    killed = multiprocessing.get_context("spawn").Process(
        target=run_chat_stage, args=(job, tmp_path / "b"), daemon=True
    )
    killed.start()
    while not list((tmp_path / "b").glob("*/saves/*/whole.json")):
        assert killed.is_alive()
        time.sleep(0.002)
    killed.kill()
    killed.join()
    assert not list((tmp_path / "b").glob("*/checkpoint"))
    written = (next((tmp_path / "b").iterdir()) / "curve.jsonl").read_text().splitlines()
    assert 8 <= len(written) < summary["steps"], "the curve is written while it runs"
    reference = next((tmp_path / "b").glob("*/reference.parquet"))
    made = reference.stat().st_mtime_ns

    told: list[Told] = []
    tell_to(told.append)
    try:
        resumed, curve_resumed, summary_resumed = run_chat_stage(job, tmp_path / "b")
    finally:
        tell_no_more(told.append)

    assert min(one.done for one in told) >= 8, "it goes on, and does not begin anew"
    assert folder_md5s(resumed) == folder_md5s(undisturbed)
    pd.testing.assert_frame_equal(curve_resumed, curve, check_exact=True)
    assert summary_resumed == summary
    assert reference.stat().st_mtime_ns == made, "what is known of the reference is kept"
