"""Token shards hold what was written, and one that does not is refused by name."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.core.shards import (
    IdWriter,
    Shards,
    beside,
    describe,
    outline,
    read_ids,
    read_shard,
    token_dtype,
    write_shard,
)

Documents = list[list[int]]


def _write(path: Path, documents: Documents, vocabulary: int = 300) -> dict[str, object]:
    """Two documents a batch."""
    pairs = [documents[at : at + 2] for at in range(0, len(documents), 2)]
    batches = ((np.array(list(chain(*pair))), np.array([len(one) for one in pair])) for pair in pairs)
    return write_shard(path, batches, token_dtype(vocabulary), "a|b")


@given(
    folders=st.lists(st.lists(st.lists(st.integers(0, 2**16 - 1), max_size=5), max_size=5), min_size=1, max_size=4),
    wide=st.booleans(),
    data=st.data(),
)
@settings(max_examples=40)
def test_documents_read_back_whole_and_in_parts(
    folders: list[Documents], wide: bool, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    for number, documents in enumerate(folders):
        told = _write(folder / f"{number}.ds", documents, 2**16 + wide)
        tokens = sum(map(len, documents))
        assert told == {
            "documents": len(documents),
            "tokens": tokens,
            "hash": file_sha256(folder / f"{number}.ds"),
        }
        assert (folder / f"{number}.ds").stat().st_size == tokens * (4 if wide else 2)
    written = [document for documents in folders for document in documents]
    found = Shards(folder)
    assert len(found) == len(written)
    assert found.lengths.tolist() == [len(document) for document in written]
    assert found.tokens.tolist() == list(chain(*written))
    for number in range(len(written)):
        skip = data.draw(st.integers(0, len(written[number])))
        count = data.draw(st.none() | st.integers(0, 6))
        expected = written[number][skip:] if count is None else written[number][skip : skip + count]
        assert found.document(number, skip, count).tolist() == expected


@pytest.mark.parametrize(("vocabulary", "width"), [(1, 2), (2**16, 2), (2**16 + 1, 4), (2**32, 4)])
def test_ids_have_the_narrowest_width_that_holds_them(vocabulary: int, width: int) -> None:
    assert token_dtype(vocabulary).itemsize == width
    assert int(np.iinfo(token_dtype(vocabulary)).max) >= vocabulary - 1


def test_a_shard_is_outlined_from_sizes_alone(tmp_path: Path) -> None:
    _write(tmp_path / "a.ds", [[1, 2], [], [3]])
    found = outline(tmp_path / "a.ds")
    assert (found.documents, found.tokens, found.width, found.tokenizer) == (3, 3, 2, "a|b")
    assert (tmp_path / "a.ds.metadata").read_text() == "a|b|2\n3\n0.000 MT"


@pytest.mark.parametrize(
    "metadata",
    ["", "a|2", "a|2\nmany\n", "a|two\n3\n", "a|2\n4\n", "a|4\n3\n", "a|2\n\n3\n", "\x00"],
)
def test_metadata_that_does_not_fit_its_shard_is_refused(metadata: str, tmp_path: Path) -> None:
    _write(tmp_path / "a.ds", [[1, 2], [3]])
    (tmp_path / "a.ds.metadata").write_text(metadata)
    for read in (outline, read_shard):
        with pytest.raises(UserError, match=r"a\.ds: .*delete the folder and run the mixing pipeline again"):
            read(tmp_path / "a.ds")


@pytest.mark.parametrize("cut", [1, 7, 8, 16])
def test_an_index_that_was_cut_anywhere_is_refused(cut: int, tmp_path: Path) -> None:
    _write(tmp_path / "a.ds", [[1, 2], [3], [4]])
    index = tmp_path / "a.ds.index"
    index.write_bytes(index.read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"a\.ds: truncated, 8 bytes where its metadata says 8"):
        Shards(tmp_path)


def test_an_index_with_more_than_whole_places_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.ds", [[1, 2], [3]])
    with (tmp_path / "a.ds.index").open("ab") as index:
        index.write(b"\\0")
    with pytest.raises(UserError, match=r"a\.ds: truncated"):
        Shards(tmp_path)


def test_one_damaged_shard_of_many_is_named(tmp_path: Path) -> None:
    for name in "abc":
        _write(tmp_path / f"{name}.ds", [[1, 2], [3]])
    (tmp_path / "b.ds").write_bytes(b"\0" * 4)
    with pytest.raises(UserError, match=r"b\.ds: truncated, 4 bytes where its metadata says 6"):
        Shards(tmp_path)


def test_a_folder_without_shards_holds_nothing(tmp_path: Path) -> None:
    found = Shards(tmp_path)
    assert len(found) == len(found.lengths) == 0
    assert found.ids(np.array([], dtype=int)).tolist() == []


def test_a_write_that_is_broken_off_leaves_no_shard(tmp_path: Path) -> None:
    def batches() -> object:
        yield np.array([1, 2]), np.array([2])
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "a.ds", batches(), token_dtype(300), "t")  # type: ignore[arg-type]
    assert not (tmp_path / "a.ds").exists()
    assert len(Shards(tmp_path)) == 0


def test_ids_of_any_text_come_in_the_order_asked_for(tmp_path: Path) -> None:
    names = [["é", ""], ["a" * 1000], [], ["\u2028", "b"]]
    _write(tmp_path / "a.ds", [[1], [2], [3]])
    _write(tmp_path / "b.ds", [[4], [5]])
    for path, batches in ((tmp_path / "a.ds", names[:2]), (tmp_path / "b.ds", names[2:])):
        writer = IdWriter(path)
        for batch in batches:
            writer.add(batch)
        writer.close()
    assert read_ids(tmp_path / "a.ds").to_pylist() == ["é", "", "a" * 1000]
    assert Shards(tmp_path).ids(np.array([4, 0, 3, 2, 0, 1])).tolist() == ["b", "é", "\u2028", "a" * 1000, "é", ""]


def test_what_belongs_to_a_shard_stands_beside_it(tmp_path: Path) -> None:
    describe(tmp_path / "00001.ds", "t", np.dtype("<u4"), 2_500_000)
    assert beside(tmp_path / "00001.ds", ".metadata").read_text() == "t|4\n2500000\n2.500 MT"
