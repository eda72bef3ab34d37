"""Packed conversations are the same batches, and train the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.packing import pack
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.study import SftStage


def test_each_batch_is_packed_by_itself_in_as_many_rows() -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(1, 100, 230)]
    rows, rows_a_batch = pack(lengths, context=100, batch_size=50, multiple=4)

    assert rows_a_batch % 4 == 0 and len(rows) % 4 == 0
    for batch in range(4):
        own = rows[batch * rows_a_batch : (batch + 1) * rows_a_batch]
        assert sorted(number for row in own for number in row) == list(range(batch * 50, (batch + 1) * 50))
    assert sorted(number for row in rows[4 * rows_a_batch :] for number in row) == list(range(200, 230))
    assert all(row and sum(lengths[number] for number in row) <= 100 for row in rows)
    assert rows_a_batch < 40, "in fewer rows than there are conversations"


def test_more_rows_than_conversations_are_refused() -> None:
    with pytest.raises(UserError, match=r"5 conversations must have 6 packed rows.*processes x micro_batch = 6"):
        pack([60] * 5, context=100, batch_size=5, multiple=6)


def test_packing_and_recomputation_change_no_loss(base: Path, conversations: pd.DataFrame, tmp_path: Path) -> None:
    stage = SftStage(conversations=40, epochs=2, context=64, batch_size=16, max_lr=5e-3, warmup=0.1)

    def losses(name: str, **settings: object) -> pd.Series:
        told = PostTrainingConfig.model_validate({"precision": "fp32", "threads": 1, **settings})
        return run_chat_stage(ChatJob(conversations, base, stage, 0, told), tmp_path / name)[1]["loss"]

    plain = losses("plain")
    assert len(plain) == 6
    assert np.allclose(losses("packed", packing=True, micro_batch=2), plain, rtol=1e-4)
    assert np.allclose(losses("recomputed", gradient_checkpointing=True, micro_batch=8), plain, rtol=1e-4)
