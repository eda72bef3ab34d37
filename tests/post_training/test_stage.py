"""SFT and DPO train, give the same bytes twice, and start only from sound checkpoints."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.hashing import folder_md5s
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.data import conversations as read_conversations
from alignment_pretraining.post_training.job import ChatJob
from alignment_pretraining.post_training.stage import run_chat_stage
from alignment_pretraining.pretraining.local.checkpoint import load_checkpoint, save_checkpoint
from alignment_pretraining.study import DpoStage, SftStage

SFT = SftStage(conversations=64, epochs=2, context=64, batch_size=8, max_lr=5e-3, warmup=0.1)
DPO = DpoStage(pairs=48, epochs=2, context=64, batch_size=8, max_lr=1e-3, warmup=0.1, beta=0.5)


@pytest.fixture(scope="module")
def tuned(base: Path, conversations: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base model after SFT."""
    return run_chat_stage(ChatJob(conversations, base, SFT, seed=0), tmp_path_factory.mktemp("sft"))[0]


def test_sft_learns_the_conversations(base: Path, conversations: pd.DataFrame, tmp_path: Path) -> None:
    checkpoint, curve, summary = run_chat_stage(ChatJob(conversations, base, SFT, seed=0), tmp_path)

    assert list(curve.columns) == ["step", "loss", "lr", "grad_norm"]
    assert len(curve) == summary["steps"] == 16
    assert summary["examples"] == 128
    assert summary["final_loss"] < 0.8 * curve["loss"].iloc[0]
    assert folder_md5s(checkpoint).keys() == folder_md5s(base).keys()


def test_sft_loss_is_over_all_tokens_of_the_conversation(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    _, curve, _ = run_chat_stage(ChatJob(conversations, base, SFT, seed=0), tmp_path)

    tokenizer, model = AutoTokenizer.from_pretrained(base), load_checkpoint(base)
    total = count = 0.0
    for example in read_conversations(conversations, SFT.conversations, seed=0)[: SFT.batch_size]:
        text = tokenizer.apply_chat_template(example["messages"], tokenize=False)
        ids = tokenizer(text, return_tensors="pt").input_ids[:, : SFT.context]
        with torch.no_grad():
            total += model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    assert curve["loss"].iloc[0] == pytest.approx(total / count, rel=1e-3)


def test_dpo_prefers_what_was_chosen_starting_from_its_reference(
    tuned: Path, preferences: pd.DataFrame, tmp_path: Path
) -> None:
    _, curve, summary = run_chat_stage(ChatJob(preferences, tuned, DPO, seed=0), tmp_path)

    assert curve["loss"].iloc[0] == pytest.approx(0.693147, abs=1e-5)  # log 2: no difference from the reference yet
    assert curve["reward_margin"].iloc[0] == 0
    assert curve["reward_margin"].iloc[-1] > 0.1
    assert summary["reward_accuracy"] == 1.0
    assert summary["final_loss"] < 0.6


def test_pairs_of_which_nothing_is_left_are_left_out(base: Path, preferences: pd.DataFrame, tmp_path: Path) -> None:
    """Of 48 pairs, 41 fit into the context; micro-batches of two share 40."""
    turns = json.dumps([{"role": "user", "content": "What colour is the door? " * 20}])
    long = preferences.assign(messages=[turns if i < 7 else row for i, row in enumerate(preferences["messages"])])
    for micro_batch, steps in ((None, 6), (2, 5)):
        settings = PostTrainingConfig(micro_batch=micro_batch)
        job = ChatJob(long, base, DPO.model_copy(update={"epochs": 1}), 0, settings)
        _, curve, summary = run_chat_stage(job, tmp_path)
        assert len(curve) == summary["steps"] == steps


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_two_runs_give_the_same_bytes(
    name: str, base: Path, conversations: pd.DataFrame, preferences: pd.DataFrame, tmp_path: Path
) -> None:
    def job(seed: int) -> ChatJob:
        if name == "sft":
            return ChatJob(conversations, base, SFT, seed)
        return ChatJob(preferences, base, DPO, seed)

    first, curve, summary = run_chat_stage(job(0), tmp_path / "a")
    torch.manual_seed(99)  # what ran before in the process does not matter
    second, curve_again, summary_again = run_chat_stage(job(0), tmp_path / "elsewhere")
    other, *_ = run_chat_stage(job(1), tmp_path / "c")

    assert folder_md5s(first) == folder_md5s(second)
    pd.testing.assert_frame_equal(curve, curve_again, check_exact=True)
    assert summary == summary_again
    assert folder_md5s(first)["model.safetensors"] != folder_md5s(other)["model.safetensors"]


def test_no_path_of_this_machine_is_in_a_checkpoint(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = str(tmp_path_factory.getbasetemp()).encode()
    assert all(root not in file.read_bytes() for file in tuned.iterdir())


def test_chat_template_with_a_system_prompt_is_in_the_checkpoint(tuned: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tuned)
    turns = [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "What colour is the door?"}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    assert text.startswith("<|system|>Answer briefly.") and text.endswith("<|assistant|>")


def test_a_damaged_checkpoint_is_refused(base: Path, conversations: pd.DataFrame, tmp_path: Path) -> None:
    damaged = shutil.copytree(base, tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(UserError, match=r"model\.safetensors"):
        run_chat_stage(ChatJob(conversations, damaged, SFT, seed=0), tmp_path / "scratch")


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_a_destroyed_model_stops_the_stage(
    name: str, base: Path, conversations: pd.DataFrame, preferences: pd.DataFrame, tmp_path: Path
) -> None:
    stage = (SFT if name == "sft" else DPO).model_copy(update={"max_lr": 1e30, "warmup": 0.0})
    job = ChatJob(conversations if name == "sft" else preferences, base, stage, seed=0)
    with pytest.raises(UserError, match=rf"{name} of .*, seed 0: (loss|grad_norm) (nan|inf) in step \d+\. Lower"):
        run_chat_stage(job, tmp_path)
    assert not list(tmp_path.rglob("checkpoint"))


def test_a_checkpoint_whose_weights_are_no_numbers_is_refused(
    base: Path, conversations: pd.DataFrame, tmp_path: Path
) -> None:
    model = load_checkpoint(base)
    with torch.no_grad():
        model.model.norm.weight[0] = torch.nan
    with pytest.raises(UserError, match=r"model\.norm\.weight holds numbers that are not finite"):
        save_checkpoint(model, base, tmp_path / "saved", {})
    assert not (tmp_path / "saved").exists()
    copy = shutil.copytree(base, tmp_path / "copy")
    model.save_pretrained(copy)
    record = json.loads((copy / "training.json").read_text())
    (copy / "training.json").unlink()
    (copy / "training.json").write_text(json.dumps({**record, "files": folder_md5s(copy)}))
    with pytest.raises(UserError, match=r"model\.norm\.weight holds numbers that are not finite"):
        run_chat_stage(ChatJob(conversations, copy, SFT, seed=0), tmp_path)
