"""Where checkpoints from elsewhere are found, and what is refused before it is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from alignment_pretraining.core import hub
from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.checkpoints import checkpoint_folder
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.scoring import load
from alignment_pretraining.study import Checkpoint
from tests.evaluation.small_models import COMMIT, cache_repository, save_small


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_model_of_the_hub_is_found_in_its_cache_by_branch_and_by_commit(cache: Path) -> None:
    snapshot = cache_repository(cache, "model", "someone/neox")
    (snapshot / "model.safetensors").touch()
    for revision in ("main", COMMIT):
        assert checkpoint_folder(Checkpoint(hub="someone/neox", revision=revision)) == snapshot
        assert hub.commit("someone/neox", revision, "model") == COMMIT
    held = hub.held("someone/neox", "main", "model", ["*.safetensors"])
    assert held == hub.Holding(0, 0, COMMIT)
    assert hub.held("someone/else", "main", "model", ["*"]) is None


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (
            {"hub": "someone/unknown", "revision": "main"},
            "someone/unknown@main is not in the hub's cache .* hf do",
        ),
        ({"hub": "someone/neox", "revision": "v2"}, "model someone/neox@v2 is not in the hub's cache"),
        ({"hub": "no such name", "revision": "main"}, "is no name on the hub"),
        ({"folder": "nowhere"}, "checkpoint nowhere: there is no such folder"),
        ({"hub": "someone/neox", "revision": "main"}, r"its weights are pickled \(pytorch_model.bin\)"),
    ],
)
def test_what_cannot_be_read_says_why(cache: Path, checkpoint: dict[str, Any], message: str) -> None:
    (cache_repository(cache, "model", "someone/neox") / "pytorch_model.bin").touch()
    with pytest.raises(UserError, match=message):
        checkpoint_folder(Checkpoint(**checkpoint))


def test_code_of_a_checkpoint_is_not_run(tmp_path: Path, config: dict[str, Any]) -> None:
    folder = save_small(tmp_path / "own", "gpt_neox")
    told = json.loads((folder / "config.json").read_text())
    told |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForCausalLM": "mine.Model"}}
    (folder / "config.json").write_text(json.dumps(told))
    (folder / "mine.py").write_text("raise SystemExit('this code was run')")
    with pytest.raises(UserError, match="own is not a readable checkpoint"):
        load(folder, Evaluation.model_validate(config))
