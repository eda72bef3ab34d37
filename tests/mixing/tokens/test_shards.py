from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.files import atomic_file
from alignment_pretraining.core.hashing import file_sha256
from alignment_pretraining.core.shards import IdWriter, Shards, read_shard, token_dtype, write_shard
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.mixing.corpus.parts import table_part
from alignment_pretraining.mixing.tokens.encode import encode_part
from alignment_pretraining.mixing.tokens.tokenizer import tokenizer_hash

NAME = "tokens.ds"
DOCUMENTS = [np.array([5, 6, 7, 0]), np.array([8, 0]), np.array([0]), np.array([9, 10, 11, 12, 0])]


def _write(path: Path, documents: list[np.ndarray], dtype: np.dtype) -> dict[str, object]:
    return write_shard(path, ((tokens, np.array([len(tokens)])) for tokens in documents), dtype, "demo")


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Folder of a shard."""
    _write(tmp_path / NAME, DOCUMENTS, token_dtype(2048))
    return tmp_path


def test_a_shard_reads_back(shard: Path) -> None:
    found = read_shard(shard / NAME)
    assert found.tokens.tolist() == [5, 6, 7, 0, 8, 0, 0, 9, 10, 11, 12, 0]
    assert found.lengths.tolist() == [4, 2, 1, 5]
    assert found.tokenizer == "demo"
    assert sorted(path.name for path in shard.iterdir()) == ["tokens.ds", "tokens.ds.index", "tokens.ds.metadata"]


@pytest.mark.parametrize("vocabulary", [2**16, 2**16 + 1])
def test_datatrove_reads_the_shard(tmp_path: Path, vocabulary: int) -> None:
    from datatrove.utils.dataset import DatatroveFileDataset

    dtype = token_dtype(vocabulary)
    _write(tmp_path / NAME, DOCUMENTS, dtype)
    dataset = DatatroveFileDataset(str(tmp_path / "tokens.ds"), seq_len=3, token_size=dtype.itemsize)
    assert [dataset[n]["input_ids"].tolist() for n in range(len(dataset))] == [
        [5, 6, 7, 0],
        [8, 0, 0, 9],
        [10, 11, 12, 0],
    ]


def test_the_files_are_those_that_datatrove_writes(shard: Path, tmp_path: Path) -> None:
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    theirs = tmp_path / "theirs"
    file = TokenizedFile(str(theirs), "tokens.ds", tokenizer_name_or_path="demo", save_final_metadata=True)
    for tokens in DOCUMENTS:
        file.write(tokens.tolist(), None)
    file.close()
    for name in ("tokens.ds", "tokens.ds.index"):
        assert (shard / name).read_bytes() == (theirs / name).read_bytes()
    lines = [(folder / "tokens.ds.metadata").read_text().splitlines()[:2] for folder in (shard, theirs)]
    assert lines[0] == lines[1] == ["demo|2", "12"]


def test_an_empty_source_is_an_empty_shard(tmp_path: Path) -> None:
    _write(tmp_path / NAME, [], token_dtype(300))
    found = read_shard(tmp_path / NAME)
    assert len(found.tokens) == len(found.lengths) == 0


def test_a_document_is_read_without_the_index(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "fromfile", None)
    found = Shards(shard)
    assert len(found) == 4
    assert [found.document(n).tolist() for n in (3, 0, 2, 1)] == [DOCUMENTS[n].tolist() for n in (3, 0, 2, 1)]


@pytest.mark.parametrize("name", ["tokens.ds", "tokens.ds.index"])
def test_a_truncated_shard_is_an_error(shard: Path, name: str) -> None:
    (shard / name).write_bytes((shard / name).read_bytes()[:-8])
    with pytest.raises(UserError, match=r"tokens\.ds: truncated, .* run the mixing pipeline again"):
        read_shard(shard / NAME)


@pytest.mark.parametrize("name", ["tokens.ds", "tokens.ds.index", "tokens.ds.metadata"])
def test_a_missing_file_is_an_error(shard: Path, name: str) -> None:
    (shard / name).unlink()
    with pytest.raises(UserError, match=r"tokens\.ds: index or metadata cannot be read"):
        read_shard(shard / NAME)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "x") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert not (tmp_path / "x").exists()


def test_documents_end_in_end_of_text_and_cannot_forge_it(tokenizer: Path, texts: list[str], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    forged = "one <|endoftext|> two <|user|>"
    table = tmp_path / "texts.parquet"
    pd.DataFrame({"id": ["a", "b", "c"], "text": [texts[0], "", forged]}).to_parquet(table)
    told = encode_part(tokenizer, table_part(table, "demo"), tmp_path)
    shards = Shards(tmp_path)
    assert shards.shards[0].tokenizer == f"tokenizer@{tokenizer_hash(tokenizer)}"
    assert shards.ids(np.array([2, 0, 1])).tolist() == ["c", "a", "b"]
    assert told == {"documents": 3, "tokens": len(shards.tokens), "hash": file_sha256(tmp_path / "tokens.ds")}
    first, empty, last = (shards.document(number) for number in range(3))
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    assert first.tolist() == [*loaded(texts[0])["input_ids"], 0]
    assert empty.tolist() == [0]
    assert (last == 0).sum() == 1
    assert loaded.decode(last[:-1]) == forged


def test_the_shards_of_a_folder_are_one_source(tmp_path: Path) -> None:
    ids = [["a", "b"], [], ["c", "d"]]
    documents = [DOCUMENTS[:2], [], DOCUMENTS[2:]]
    for number, (names, own) in enumerate(zip(ids, documents, strict=True)):
        path = tmp_path / f"{number:05d}.ds"
        _write(path, own, token_dtype(300))
        writer = IdWriter(path)
        for name in names:
            writer.add([name])
        writer.close()
    found = Shards(tmp_path)
    assert len(found) == 4
    assert [found.document(number).tolist() for number in range(4)] == [own.tolist() for own in DOCUMENTS]
    assert found.lengths.tolist() == [4, 2, 1, 5]
    assert found.ids(np.array([3, 0, 2, 3])).tolist() == ["d", "a", "c", "d"]


def test_a_stream_of_many_shards_holds_few_files_open(tmp_path: Path) -> None:
    """Reads give the right tokens wherever they begin and end, and descriptors do not grow with the shards."""
    generator = np.random.default_rng(0)
    parts = [generator.integers(0, 500, size=int(generator.integers(1, 30))) for _ in range(100)]
    for number, part in enumerate(parts):
        write_shard(tmp_path / f"{number:05d}.ds", [(part, np.array([len(part)]))], token_dtype(500), "t")
    whole, before = np.concatenate(parts), len(list(Path("/proc/self/fd").iterdir()))
    stream, shards = TokenStream.open(tmp_path), Shards(tmp_path)
    assert len(stream) == len(whole)
    for start in range(0, len(whole), 7):
        for size in (0, 1, 45):
            assert stream.read(start, start + size).tolist() == whole[start : start + size].tolist()
    assert [shards.document(number).tolist() for number in range(len(shards))] == [part.tolist() for part in parts]
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 60
