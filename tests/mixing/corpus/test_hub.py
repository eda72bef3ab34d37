from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import CorpusConfig, HubDataset
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.hub import hub_shards, read_hub_shard
from alignment_pretraining.mixing.corpus.reading import plan_readings, refuse_unreadable


def test_a_dataset_folder_is_read_as_a_stream(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one", "n": 3}\n{"text": "two", "n": 4}\n')
    found = list(read_hub_shard(HubDataset(dataset=str(tmp_path), id="n"), 0, 1))
    assert [(d.id, d.text) for d in found if isinstance(d, Document)] == [("3", "one"), ("4", "two")]


def test_compressed_files_of_a_dataset_are_read(tmp_path: Path) -> None:
    with pa.CompressedOutputStream(str(tmp_path / "train.jsonl.zst"), "zstd") as stream:
        stream.write(b'{"body": "one", "key": "a"}\n')
    spec = HubDataset(dataset=str(tmp_path), text="body", id="key")
    assert [row[:2] for row in read_hub_shard(spec, 0, 1)] == [("a", "one")]


def test_a_missing_column_or_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"body": "one"}\n')
    bad = next(read_hub_shard(HubDataset(dataset=str(tmp_path)), 0, 1))
    assert isinstance(bad, BadRow) and bad.source.endswith("split train") and bad.row == "1"
    assert bad.reason.startswith("no column 'text' (it has body)")
    values = {"seed": 0, "sources": [{"dataset": str(tmp_path)}], "repeat": False}
    config = CorpusConfig.model_validate({**values, "natural_discourse_share": 0, "heldout_share": 0})
    with pytest.raises(UserError, match=r"sources\[0\] holds no document in its first rows .*\(it has body\)"):
        refuse_unreadable(config, [reading for _, reading in plan_readings(config)])
    with pytest.raises(UserError, match=r"missing split train cannot be read"):
        hub_shards(HubDataset(dataset=str(tmp_path / "missing")))


def test_shards_are_read_apart_and_changed_files_are_noticed(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"train-{number}.jsonl").write_text(f'{{"text": "row {number}"}}\n')
    spec = HubDataset(dataset=str(tmp_path))
    shards, state = hub_shards(spec)
    found = [row for shard in range(shards) for row in read_hub_shard(spec, shard, shards)]
    assert [row.text for row in found if not isinstance(row, BadRow)] == ["row 0", "row 1", "row 2"]
    assert len({row.id for row in found if not isinstance(row, BadRow)}) == 3
    assert hub_shards(spec.model_copy(update={"max_bytes": 5}))[0] == 1
    assert hub_shards(spec)[1] == state
    (tmp_path / "train-1.jsonl").write_text('{"text": "another"}\n')
    assert hub_shards(spec)[1] != state


def test_the_configured_revision_and_columns_are_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    class Builder:
        hash, config = "h", type("Config", (), {"data_files": None})()

        def as_streaming_dataset(self, split: str) -> object:
            asked.append(("stream", split))
            return type("Stream", (), {"num_shards": 3})()

    def builder(name: str, config: str | None, revision: str | None) -> Builder:
        asked.append((name, config, revision))
        return Builder()

    def rows(
        name: str, config: str | None, split: str, streaming: bool, revision: str | None
    ) -> list[dict[str, object]]:
        asked.append((name, config, split, streaming, revision))
        return [{"body": "one", "n": 1}, {"body": None, "n": 2}, {"body": "three"}]

    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    monkeypatch.setattr(datasets, "load_dataset", rows)
    spec = HubDataset(dataset="me/mine", config="de", revision="v2", split="test", text="body", id="n")
    assert hub_shards(spec)[0] == 3
    assert [row[:3] for row in read_hub_shard(spec, 0, 1)] == [
        ("1", "one", "me/mine"),
        ("me/mine split test", "2", "column 'body' is NoneType, not str"),
        ("me/mine split test", "3", "no column 'n' (it has body); set `text` and `id` in corpus.sources"),
    ]
    assert asked == [("me/mine", "de", "v2"), ("stream", "test"), ("me/mine", "de", "test", True, "v2")]
    assert spec.reads() == ["dataset:me/mine@v2"]


def test_a_hub_that_fails_half_way_is_told_with_the_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rows:
        def __iter__(self) -> Iterator[dict[str, str]]:
            yield {"text": "one"}
            raise ConnectionError("reset by peer")

    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **values: Rows())
    rows = read_hub_shard(HubDataset(dataset="me/mine"), 0, 1)
    assert next(rows)[1] == "one"
    with pytest.raises(UserError, match=r"me/mine split train cannot be read \(ConnectionError: reset by peer\)"):
        next(rows)
