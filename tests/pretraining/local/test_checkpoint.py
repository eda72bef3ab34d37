"""A checkpoint is whole, says how it came about, and is taken only as it was saved."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.checkpoint import (
    RECORD,
    load_checkpoint,
    load_parent,
    save_checkpoint,
    tokenizer_files,
    verify,
)
from alignment_pretraining.pretraining.local.llama import new_model

SHAPE = Model(vocab_size=64, hidden_size=16, intermediate_size=24, layers=1, heads=2, max_context=16)


@pytest.fixture
def model() -> Any:
    torch.set_num_threads(1)
    return new_model(SHAPE, seed=0, eos=0, pad=1)


@pytest.fixture
def saved(model: Any, tokenizer: Path, tmp_path: Path) -> Path:
    return save_checkpoint(model, tokenizer, tmp_path / "checkpoint", {"stage": "cpt", "seed": 3})


def test_the_record_has_what_was_told_and_every_file(saved: Path) -> None:
    record = verify(saved)
    assert (record["stage"], record["seed"]) == ("cpt", 3)
    assert record["files"] == {name: md5 for name, md5 in folder_md5s(saved).items() if name != RECORD}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= record["files"].keys()


def test_weights_come_back_in_float32_to_the_bit(saved: Path, model: Any) -> None:
    found = load_checkpoint(saved).state_dict()
    assert found.keys() == model.state_dict().keys()
    for name, weight in model.state_dict().items():
        assert found[name].dtype == torch.float32 and torch.equal(found[name], weight), name


def test_a_new_checkpoint_takes_the_place_of_the_old_one_whole(saved: Path, tokenizer: Path, model: Any) -> None:
    (saved / "of the old one").touch()
    part = saved.with_name(".checkpoint.tmp")
    part.mkdir()
    (part / "of a killed run").touch()
    save_checkpoint(model, tokenizer, saved, {"stage": "sft"})
    assert verify(saved)["stage"] == "sft"
    assert not (saved / "of the old one").exists() and not (saved / "of a killed run").exists()
    assert [path.name for path in saved.parent.iterdir()] == ["checkpoint"]


def test_a_run_that_is_killed_as_it_saves_leaves_the_checkpoint_before_it(
    saved: Path, tokenizer: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(model, tokenizer, saved, {"stage": "sft"})
    assert verify(saved)["stage"] == "cpt"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_destroyed_model_is_not_saved_and_the_way_out_is_told(
    saved: Path, tokenizer: Path, model: Any, number: float
) -> None:
    with torch.no_grad():
        model.lm_head.weight[5, 3] = number
    with pytest.raises(
        UserError, match=r"checkpoint: the weight model\.embed_tokens\.weight .*not finite.*Lower .*max_lr"
    ):
        save_checkpoint(model, tokenizer, saved, {})
    assert verify(saved)["stage"] == "cpt"


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("config.json", b"{}", r"config\.json: not the file that was saved \(truncated or changed\); train this stage"),
        ("tokenizer.json", None, r"tokenizer\.json: missing from the checkpoint; train this stage again"),
        (RECORD, b"", r"training\.json: not readable as a checkpoint's record; train this stage again"),
        (RECORD, b'{"stage": "cpt"}', r"training\.json: not readable"),
        (RECORD, b"\xff\xfe", r"training\.json: not readable"),
        (RECORD, None, r"training\.json: not readable"),
    ],
)
def test_damage_is_named_with_its_file(saved: Path, name: str, damage: bytes | None, told: str) -> None:
    (saved / name).unlink()
    if damage is not None:
        (saved / name).write_bytes(damage)
    with pytest.raises(UserError, match=told):
        load_checkpoint(saved)


def test_what_lies_beside_a_checkpoints_files_does_not_damage_it(saved: Path) -> None:
    (saved / "README.md").write_text("a card")
    verify(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocab_size", 63),
        ("hidden_size", 32),
        ("intermediate_size", 25),
        ("layers", 2),
        ("heads", 4),
        ("max_context", 8),
    ],
)
def test_a_parent_of_another_shape_is_refused_by_each_of_its_numbers(saved: Path, key: str, value: int) -> None:
    assert load_parent(saved, SHAPE)
    with pytest.raises(UserError) as error:
        load_parent(saved, SHAPE.model_copy(update={key: value}))
    told = f"another model than study.model (llama; {key} {getattr(SHAPE, key)}, not {value})"
    assert str(error.value) == f"{saved}: {told}"


def test_files_of_the_tokenizer_are_taken_and_no_others(tmp_path: Path) -> None:
    own = ["added_tokens.json", "chat_template.jinja", "merges.txt", "special_tokens_map.json", "tokenizer.json"]
    own += ["tokenizer_config.json", "vocab.json"]
    for name in [*own, "config.json", "model.safetensors", RECORD, "generation_config.json"]:
        (tmp_path / name).touch()
    (tmp_path / "tokenizer_files").mkdir()
    assert [file.name for file in tokenizer_files(tmp_path)] == own


def test_a_record_says_the_same_in_whatever_order_it_was_told(model: Any, tokenizer: Path, tmp_path: Path) -> None:
    first = save_checkpoint(model, tokenizer, tmp_path / "a", {"seed": 1, "stage": "é"})
    second = save_checkpoint(model, tokenizer, tmp_path / "b", {"stage": "é", "seed": 1})
    assert folder_md5s(first) == folder_md5s(second)
    assert json.loads((first / RECORD).read_text())["stage"] == "é"
