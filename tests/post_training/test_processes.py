"""Several processes train as one does: the same batches, the same losses, and after a kill the same weights."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.post_training.config import PostTrainingConfig, batch_problems
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.study import SftStage

# The last batch of an epoch is half of one.
SFT = SftStage(conversations=36, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
TOLERANCE = 1e-5  # of a loss in float32, relative; sums are split in another way (seen: 2e-7)


def settings(**values: Any) -> PostTrainingConfig:
    return PostTrainingConfig.model_validate({"precision": "fp32", "threads": 1, "save_every": 4} | values)


def test_sharded_processes_have_the_losses_of_one_and_survive_a_kill(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    """FSDP over gloo, with packed rows and recomputation, as the environment `paper` has them."""
    two = settings(processes=2, micro_batch=1, parallel="fsdp", gradient_checkpointing=True, packing=True)
    _, alone, summary = run_chat_stage(ChatJob(conversations, base, SFT, 0, settings()), tmp_path / "one")
    checkpoint, curve, _ = run_chat_stage(ChatJob(conversations, base, SFT, 0, two), tmp_path / "two")

    assert len(curve) == summary["steps"] == 10
    assert np.allclose(curve["loss"], alone["loss"], rtol=TOLERANCE)
    assert np.allclose(curve["lr"], alone["lr"], rtol=1e-12)

    killer = threading.Thread(target=_kill_a_rank, args=(tmp_path / "killed",), daemon=True)
    killer.start()
    with pytest.raises(UserError, match="SIGKILL"):
        run_chat_stage(ChatJob(conversations, base, SFT, 0, two), tmp_path / "killed")
    killer.join()
    resumed, curve_resumed, _ = run_chat_stage(ChatJob(conversations, base, SFT, 0, two), tmp_path / "killed")
    assert folder_md5s(resumed) == folder_md5s(checkpoint)
    pd.testing.assert_frame_equal(curve_resumed, curve, check_exact=True)


def _kill_a_rank(scratch: Path) -> None:
    while not list(scratch.glob("*/saves/*/whole.json")):
        time.sleep(0.002)
    recipe = str(next(scratch.iterdir()).resolve() / "recipe.json").encode()
    ranks = [file.parent.name for file in Path("/proc").glob("[0-9]*/cmdline") if _is_rank(file, recipe)]
    os.kill(int(ranks[-1]), signal.SIGKILL)


def _is_rank(file: Path, recipe: bytes) -> bool:
    try:
        words = file.read_bytes().split(b"\0")
    except OSError:
        return False
    return recipe in words and b"torch.distributed.run" not in words


INDIVISIBLE = [
    ({"processes": 3}, "study.stages.sft.batch_size: 8 is not a multiple of post_training.processes 3 x micro_batch 2"),
    (
        {"processes": 2, "micro_batch": 3},
        "batch_size: 8 is not a multiple of post_training.processes 2 x micro_batch 3",
    ),
    ({"processes": 2}, "study.stages.sft.conversations: 36 leaves 4 for an epoch's last batch of 8, not a multiple of"),
    (
        {"processes": 5, "packing": True},
        "has 4 examples, fewer than post_training.processes 5 x micro_batch 1 = 5 rows",
    ),
]


@pytest.mark.parametrize(("values", "told"), INDIVISIBLE)
def test_a_batch_that_cannot_be_split_is_refused(
    values: dict[str, Any], told: str, base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        run_chat_stage(ChatJob(conversations, base, SFT, 0, settings(**values)), tmp_path)
    assert told in str(error.value)


def test_batches_that_can_be_split() -> None:
    for values in ({}, {"micro_batch": 2}, {"processes": 2, "micro_batch": 2}, {"processes": 4, "packing": True}):
        assert not list(batch_problems(SFT, settings(**values)))
