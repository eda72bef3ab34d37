"""Adapters are trained and merged: rank-stabilized, on all attention and MLP matrices, to the same bytes twice."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.post_training.config import Further, Lora, PostTrainingConfig
from alignment_pretraining.post_training.emergent import train_narrowly
from alignment_pretraining.post_training.job import ChatJob, Recipe
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.pretraining.local.checkpoint import load_checkpoint
from alignment_pretraining.study import SftStage

SFT = SftStage(conversations=24, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
LORA = Lora(rank=8, alpha=16)


def test_adapters_change_attention_and_mlp_by_their_rank_and_nothing_else(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    checkpoint, curve, summary = train_narrowly(ChatJob(conversations, base, SFT, seed=0), LORA, tmp_path)
    assert len(curve) == summary["steps"] == 6 and curve["loss"].iloc[-1] < curve["loss"].iloc[0]
    assert summary["stage"] == "emergent" and list(curve["tokens"]) == sorted(curve["tokens"])
    before, after = load_checkpoint(base).state_dict(), load_checkpoint(checkpoint).state_dict()
    assert before.keys() == after.keys(), "merged: a plain checkpoint"
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith("_proj.weight")} and len(changed) == 7
    for name in changed:
        assert torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-3) <= LORA.rank
    assert folder_md5s(checkpoint).keys() == folder_md5s(base).keys()


def test_two_runs_give_the_same_bytes_and_another_seed_others(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    found = [
        train_narrowly(ChatJob(conversations, base, SFT, seed), LORA, tmp_path / str(number))[0]
        for number, seed in enumerate((0, 0, 1))
    ]
    weights = [(folder / "model.safetensors").read_bytes() for folder in found]
    assert weights[0] == weights[1] != weights[2]


def test_a_killed_run_goes_on_to_the_same_weights(
    base: Path, conversations: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alignment_pretraining.post_training import callbacks, saves

    job = ChatJob(conversations, base, SFT, 0, PostTrainingConfig(save_every=2))
    whole, _, _ = train_narrowly(job, LORA, tmp_path / "whole")

    def killed(work: Path, row: dict[str, float]) -> None:
        if row["step"] == 5:
            raise KeyboardInterrupt
        saves.add_row(work, row)

    monkeypatch.setattr(callbacks, "add_row", killed)
    with pytest.raises(KeyboardInterrupt):
        train_narrowly(job, LORA, tmp_path / "killed")
    monkeypatch.undo()
    resumed, curve, _ = train_narrowly(job, LORA, tmp_path / "killed")
    assert len(curve) == 6
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_adapters_are_rank_stabilized(base: Path) -> None:
    from alignment_pretraining.post_training.trainers import _adapters

    found = _adapters(LORA, 0)
    assert (found.r, found.lora_alpha, found.use_rslora, found.target_modules) == (8, 16, True, "all-linear")
    recipe = Recipe(base, SFT, 0, PostTrainingConfig(), further=Further(lora=LORA))
    assert json.loads(recipe.further.model_dump_json())["lora"] == LORA.model_dump()  # type: ignore[union-attr]


def test_sharded_adapters_are_refused(base: Path, conversations: pd.DataFrame, tmp_path: Path) -> None:
    settings = PostTrainingConfig(processes=2, parallel="fsdp")
    job = ChatJob(conversations, base, SFT, 0, settings, further=Further(lora=LORA))
    with pytest.raises(UserError, match="fsdp, and adapters"):
        run_chat_stage(job, tmp_path)
