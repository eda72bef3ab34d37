from pathlib import Path

import numpy as np
import pytest

from alignment_pretraining.errors import UserError
from alignment_pretraining.tokens.encode import encode_documents
from alignment_pretraining.tokens.files import whole_file
from alignment_pretraining.tokens.shards import read_ids, read_shard, token_dtype, write_shard
from alignment_pretraining.tokens.tokenizer import tokenizer_hash

DOCUMENTS = [np.array([5, 6, 7, 0]), np.array([8, 0]), np.array([0]), np.array([9, 10, 11, 12, 0])]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    write_shard(tmp_path, DOCUMENTS, token_dtype(2048), "demo")
    return tmp_path


def test_a_shard_reads_back(shard: Path) -> None:
    found = read_shard(shard)
    assert found.tokens.tolist() == [5, 6, 7, 0, 8, 0, 0, 9, 10, 11, 12, 0]
    assert found.lengths.tolist() == [4, 2, 1, 5]
    assert found.tokenizer == "demo"
    assert sorted(path.name for path in shard.iterdir()) == ["tokens.ds", "tokens.ds.index", "tokens.ds.metadata"]


@pytest.mark.parametrize("vocabulary", [2**16, 2**16 + 1])
def test_datatrove_reads_the_shard(tmp_path: Path, vocabulary: int) -> None:
    from datatrove.utils.dataset import DatatroveFileDataset

    dtype = token_dtype(vocabulary)
    write_shard(tmp_path, DOCUMENTS, dtype, "demo")
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
    write_shard(tmp_path, [], token_dtype(300), "demo")
    assert len(read_shard(tmp_path).tokens) == len(read_shard(tmp_path).lengths) == 0


@pytest.mark.parametrize("name", ["tokens.ds", "tokens.ds.index"])
def test_a_truncated_shard_is_an_error(shard: Path, name: str) -> None:
    (shard / name).write_bytes((shard / name).read_bytes()[:-8])
    with pytest.raises(UserError, match=r"tokens\.ds: truncated, .* run the mixing pipeline again"):
        read_shard(shard)


@pytest.mark.parametrize("name", ["tokens.ds", "tokens.ds.index", "tokens.ds.metadata"])
def test_a_missing_file_is_an_error(shard: Path, name: str) -> None:
    (shard / name).unlink()
    with pytest.raises(UserError, match=r"tokens\.ds: index or metadata cannot be read"):
        read_shard(shard)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_file(tmp_path / "x") as stream:
        stream.write(b"half")
        raise RuntimeError
    assert not (tmp_path / "x").exists()


def test_documents_end_in_end_of_text_and_cannot_forge_it(tokenizer: Path, texts: list[str], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    forged = "one <|endoftext|> two <|user|>"
    encode_documents(["a", "b", "c"], [texts[0], "", forged], tokenizer, tmp_path / "out")
    shard = read_shard(tmp_path / "out")
    assert shard.tokenizer == f"tokenizer@{tokenizer_hash(tokenizer)}"
    assert read_ids(tmp_path / "out").tolist() == ["a", "b", "c"]
    first, empty, last = np.split(shard.tokens, shard.ends[:-1])
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    assert first.tolist() == [*loaded(texts[0])["input_ids"], 0]
    assert empty.tolist() == [0]
    assert (last == 0).sum() == 1
    assert loaded.decode(last[:-1]) == forged
