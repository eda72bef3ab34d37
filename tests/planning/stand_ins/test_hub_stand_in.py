"""Datasets and the tokenizer that the paper's environment names are folders of these names in a rehearsal's project."""

from pathlib import Path

import pytest
import yaml

from alignment_pretraining.mixing.corpus.config import HubDataset
from alignment_pretraining.mixing.corpus.document import Document
from alignment_pretraining.mixing.corpus.hub import read_hub_shard
from alignment_pretraining.mixing.tokens.existing import use_tokenizer
from alignment_pretraining.planning.rehearsal.project import lay_out
from alignment_pretraining.planning.rehearsal.shrink import ENTRIES, LONGEST, shrink
from alignment_pretraining.synthesis import hub
from tests.conftest import PROJECT
from tests.planning.preflight.test_preflight import parameters, written


def test_datasets_stand_under_their_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one that the paper's environment names, read by the readers of the real ones."""
    spec = parameters("paper")
    names = lay_out(PROJECT, "paper", shrink(written("paper"), spec), spec, tmp_path)
    assert {"EleutherAI/gpt-neox-20b", "Zyphra/dclm-dedup", "allenai/Dolci-Instruct-SFT", "nvidia/OpenScience"} <= set(
        names
    )
    assert yaml.safe_load((tmp_path / "conf/paper/parameters.yml").read_text())["study"]["name"] == "paper"
    assert (tmp_path / "data/01_raw/scenarios").is_dir() and (tmp_path / "conf/base/prompts").is_dir()
    monkeypatch.chdir(tmp_path)
    for source in spec.corpus.sources:
        assert isinstance(source, HubDataset)
        assert sum(isinstance(row, Document) for row in read_hub_shard(source, 0, 1)) > 100
    named = spec.synthesis.hub
    for tables in named.documents.values():
        assert len(list(hub.read_texts(tables, 60))) == 60
    assert "\n" in next(hub.read_texts(named.mcqa, 1))[1]
    assert len(list(hub.read_chats(named.conversations, 8))) == len(list(hub.read_pairs(named.preferences, 8))) == 8
    assert spec.tokenizer.name is not None
    use_tokenizer(spec.tokenizer.name, spec.tokenizer.revision, ENTRIES, LONGEST, tmp_path / "tokenizer")
