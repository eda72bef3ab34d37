"""Packed conversations are the same batches, and train the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    batch_size=st.integers(1, 12),
    multiple=st.integers(1, 4),
)
def test_every_conversation_is_in_one_row_of_its_batch_or_packing_is_refused(
    lengths: list[int], batch_size: int, multiple: int
) -> None:
    try:
        rows, rows_a_batch = pack(lengths, 20, batch_size, multiple)
    except UserError as error:
        assert f"= {multiple}; lower them" in str(error)
        assert multiple > 1, "one row a conversation always does"
        return
    batches = -(-len(lengths) // batch_size)
    last = len(rows) - rows_a_batch * (batches - 1)
    assert rows_a_batch % multiple == 0 and last % multiple == 0 and last > 0
    for number in range(batches):
        own = rows[number * rows_a_batch :][: rows_a_batch if number < batches - 1 else last]
        inside = range(number * batch_size, min((number + 1) * batch_size, len(lengths)))
        assert sorted(each for row in own for each in row) == list(inside)
    assert all(row and sum(lengths[each] for each in row) <= 20 for row in rows)


def test_conversations_that_fit_together_share_a_row_the_longest_first() -> None:
    assert pack([3, 9, 1, 7, 10], context=10, batch_size=5, multiple=1) == ([[4], [1, 2], [3, 0]], 3)
