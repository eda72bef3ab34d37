from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.corpus.config import HubDataset
from alignment_pretraining.mixing.corpus.document import BadRow, Document
from alignment_pretraining.mixing.corpus.hub import hub_shards, read_hub_shard


def test_a_dataset_folder_is_read_as_a_stream(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one", "n": 3}\n{"text": "two", "n": 4}\n')
    found = list(read_hub_shard(HubDataset(dataset=str(tmp_path), id="n"), 0, 1))
    assert [(d.id, d.text) for d in found if isinstance(d, Document)] == [("3", "one"), ("4", "two")]


def test_a_missing_column_or_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"body": "one"}\n')
    bad = next(read_hub_shard(HubDataset(dataset=str(tmp_path)), 0, 1))
    assert isinstance(bad, BadRow) and bad.source.endswith("split train") and bad.row == "1"
    assert bad.reason.startswith("no column 'text' (it has body)")
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
