"""A stream in windows and batches, and the places of its documents."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.shards import token_dtype, write_shard
from alignment_pretraining.core.token_stream import TokenStream, read_documents


def _stream(folder: Path, sizes: list[int], vocabulary: int = 300) -> TokenStream:
    """The numbers from 0 on, in shards of these sizes."""
    first = 0
    for number, size in enumerate(sizes):
        tokens = np.arange(first, first + size)
        write_shard(folder / f"{number:03d}.ds", [(tokens, np.array([size]))], token_dtype(vocabulary), "t")
        first += size
    return TokenStream.open(folder)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=25),
    context=st.integers(1, 4),
    sequences=st.integers(1, 3),
)
@settings(max_examples=40)
def test_batches_follow_each_other_and_every_token_is_predicted_once(
    sizes: list[int], context: int, sequences: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stream = _stream(tmp_path_factory.mktemp("stream"), sizes)
    batch = context * sequences
    steps = (len(stream) - 1) // batch
    found = list(stream.batches(0, steps, batch, context))
    assert len(found) == steps
    for step, rows in enumerate(found):
        expected = np.arange(step * batch, (step + 1) * batch).reshape(sequences, context)
        assert rows.dtype == np.int64
        assert (rows[:, :-1] == expected).all() and (rows[:, 1:] == expected + 1).all()


def test_a_run_goes_on_with_the_step_at_which_it_stopped(tmp_path: Path) -> None:
    stream = _stream(tmp_path, [25])
    whole = [rows.tolist() for rows in stream.batches(0, 3, 8, 4)]
    assert [rows.tolist() for rows in stream.batches(1, 3, 8, 4)] == whole[1:]
    assert list(stream.batches(3, 3, 8, 4)) == []


def test_parts_of_a_batch_are_the_batch(tmp_path: Path) -> None:
    stream = _stream(tmp_path, [9, 8])
    (whole,) = stream.batches(0, 1, 16, 4)
    parts = [rows for part in (0, 1) for rows in stream.batches(0, 1, 16, 4, part=part, parts=2)]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert len(parts[0]) == len(parts[1]) == 2


def test_one_token_too_few_is_told_before_any_is_read(tmp_path: Path) -> None:
    stream = _stream(tmp_path, [16])
    with pytest.raises(UserError, match=r"16 tokens, but 2 steps of 8 need 17; lower the stage's `tokens` or mix"):
        next(stream.batches(0, 2, 8, 4))


@pytest.mark.parametrize("vocabulary", [2**16, 2**16 + 1])
def test_ids_are_read_in_the_width_in_which_they_are_written(vocabulary: int, tmp_path: Path) -> None:
    tokens = np.array([vocabulary - 1, 0, 255, 256])
    write_shard(tmp_path / "0.ds", [(tokens, np.array([4]))], token_dtype(vocabulary), "t")
    assert TokenStream.open(tmp_path).read(0, 4).tolist() == tokens.tolist()


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ("t|2", "not readable as shard metadata"),
        ("t|3\n4\n", "not readable as shard metadata"),
        ("t|2\nfour\n", "not readable as shard metadata"),
        ("t|2\n5\n", "8 bytes, but 5 tokens of 2 bytes are expected; the shard is damaged"),
        ("t|4\n4\n", "8 bytes, but 4 tokens of 4 bytes are expected"),
    ],
)
def test_a_shard_that_is_not_as_described_is_refused(metadata: str, said: str, tmp_path: Path) -> None:
    _stream(tmp_path, [4])
    (tmp_path / "000.ds.metadata").write_text(metadata)
    with pytest.raises(UserError, match=f"000.ds.*{said}.*run the mixing pipeline again"):
        TokenStream.open(tmp_path)


def test_a_shard_without_tokens_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "0.ds", [], token_dtype(300), "t")
    with pytest.raises(UserError, match="0 tokens of 2 bytes"):
        TokenStream.open(tmp_path)
    with pytest.raises(UserError, match=r"none: no \.ds token shard here; run the mixing pipeline again"):
        TokenStream.open(tmp_path / "none")


def test_places_of_documents_come_in_the_order_of_their_shards(tmp_path: Path) -> None:
    for number in (1, 0):
        table = pd.DataFrame({"start": [number * 10], "end": [number * 10 + 5], "id": [f"d{number}"]})
        table.to_parquet(tmp_path / f"0000{number}.documents.parquet")
    assert [table.id[0] for table in read_documents(tmp_path)] == ["d0", "d1"]
    assert list(read_documents(tmp_path / "none")) == []
