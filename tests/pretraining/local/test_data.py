"""Token streams are read in order, whatever their width and number of shards, and damage is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.token_stream import TokenStream
from tests.pretraining.local.conftest import write_stream


@pytest.mark.parametrize("width", [2, 4])
def test_batches_cover_the_stream_in_order(tmp_path: Path, width: int) -> None:
    tokens = np.arange(49) + (70_000 if width == 4 else 0)
    stream = TokenStream.open(write_stream(tmp_path, tokens, width))

    batches = list(stream.batches(0, steps=3, batch_tokens=16, context=8))

    assert np.stack(batches).shape == (3, 2, 9)
    assert (np.concatenate([batch[:, :-1].ravel() for batch in batches]) == tokens[:48]).all()
    assert (np.concatenate([batch[:, 1:].ravel() for batch in batches]) == tokens[1:]).all()
    assert (next(stream.batches(2, steps=3, batch_tokens=16, context=8)) == batches[2]).all()
    parts = zip(*(stream.batches(0, 3, 16, 8, part=part, parts=2) for part in (0, 1)), strict=True)
    assert (np.stack([np.concatenate(of_all) for of_all in parts]) == np.stack(batches)).all()


@given(cuts=st.lists(st.integers(1, 30), min_size=1, max_size=4), data=st.data())
def test_shards_read_as_one_stream(
    cuts: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    tokens = np.arange(sum(cuts))
    for i, part in enumerate(np.split(tokens, np.cumsum(cuts)[:-1])):
        part.astype("<u2").tofile(folder / f"{i:03d}.ds")
        (folder / f"{i:03d}.ds.metadata").write_text(f"name|2\n{len(part)}\n")
    stream = TokenStream.open(folder)

    start = data.draw(st.integers(0, len(tokens)))
    stop = data.draw(st.integers(start, len(tokens)))

    assert len(stream) == len(tokens)
    assert (stream.read(start, stop) == tokens[start:stop]).all()


def test_truncated_shard_is_refused(tmp_path: Path) -> None:
    shard = write_stream(tmp_path, np.arange(100)) / "tokens.ds"
    shard.write_bytes(shard.read_bytes()[:-2])

    with pytest.raises(UserError, match=r"tokens\.ds: 198 bytes, but 100 tokens"):
        TokenStream.open(tmp_path)


def test_missing_shard_or_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.ds token shard"):
        TokenStream.open(tmp_path)

    write_stream(tmp_path, np.arange(100))
    (tmp_path / "tokens.ds.metadata").write_text("nonsense")
    with pytest.raises(UserError, match=r"tokens\.ds\.metadata: not readable"):
        TokenStream.open(tmp_path)
