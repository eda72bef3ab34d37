from pathlib import Path

import pytest

from alignment_pretraining.corpus.config import HubDataset
from alignment_pretraining.corpus.document import BadRow
from alignment_pretraining.corpus.hub import read_hub_dataset
from alignment_pretraining.errors import UserError


def test_a_dataset_folder_is_read_as_a_stream(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "one", "n": 3}\n{"text": "two", "n": 4}\n')
    found = list(read_hub_dataset(HubDataset(dataset=str(tmp_path), id="n")))
    assert [(d.id, d.text) for d in found] == [("3", "one"), ("4", "two")]


def test_a_missing_column_or_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"body": "one"}\n')
    bad = next(read_hub_dataset(HubDataset(dataset=str(tmp_path))))
    assert isinstance(bad, BadRow) and bad.source.endswith("split train") and bad.row == "1"
    assert bad.reason.startswith("no column 'text' (it has body)")
    with pytest.raises(UserError, match=r"missing split train cannot be read"):
        list(read_hub_dataset(HubDataset(dataset=str(tmp_path / "missing"))))
