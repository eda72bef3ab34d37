"""Parts of the training loop: precision, weight decay, the held-out loss, what the model writes."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.engine import continuation, heldout_loss, new_optimizer, precision, train
from alignment_pretraining.pretraining.local.llama import FastLlama, new_model
from alignment_pretraining.pretraining.local.replicas import Replicas
from alignment_pretraining.pretraining.local.state import saved_states, saved_step
from alignment_pretraining.study import TrainingStage
from tests.pretraining.local.conftest import write_stream

SHAPE = Model(vocab_size=64, hidden_size=16, intermediate_size=24, layers=1, heads=2, max_context=16)
STAGE = TrainingStage(tokens=160, context=8, batch_tokens=16, max_lr=1e-3, min_lr=1e-4, warmup=0.1, synthetic_share=0.0)
SETTINGS = EngineConfig(precision="fp32", save_every=4, heldout_tokens=32, evaluations=2)
AMX = {"amx_bf16": True, "cpu_name": "Intel(R) Xeon(R)"}
VECTORS = {"avx512_bf16": True, "amx_bf16": False}


@pytest.fixture
def model() -> Any:
    torch.set_num_threads(1)
    return new_model(SHAPE, seed=0, eos=0, pad=1)


def _stream(folder: Path, count: int) -> TokenStream:
    return TokenStream.open(write_stream(folder, np.arange(count) * 7 % 64))


@pytest.mark.parametrize(
    ("choice", "device", "has", "expected"),
    [
        ("bf16", "cpu", {}, torch.bfloat16),
        ("fp32", "cpu", AMX, torch.float32),
        ("fp32", "cuda", {}, torch.float32),
        ("auto", "cuda", {}, torch.bfloat16),
        ("auto", "cpu", {}, torch.float32),
        ("auto", "cpu", AMX, torch.bfloat16),
        ("auto", "cpu", VECTORS | {"cpu_name": "AMD EPYC"}, torch.bfloat16),
        ("auto", "cpu", VECTORS | {"cpu_name": "Intel(R) Xeon(R)"}, torch.float32),
    ],
)
def test_a_precision_is_the_one_asked_for_or_the_faster_one(
    monkeypatch: pytest.MonkeyPatch, choice: str, device: str, has: dict[str, Any], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert precision(choice, torch.device(device)) == expected


def test_matrices_decay_and_norms_do_not(model: Any) -> None:
    optimizer = new_optimizer(model)
    for group in optimizer.param_groups:
        group["lr"] = 0.5
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight, before[name] * (1.0 if "norm" in name else 1 - 0.5 * 0.1))


@pytest.mark.parametrize(
    ("tokens", "most", "windows"), [(100, 32, 4), (100, 39, 4), (33, 1_000, 4), (32, 1_000, 3), (9, 8, 1)]
)
def test_a_held_out_loss_is_the_mean_over_whole_windows(
    model: Any, tmp_path: Path, tokens: int, most: int, windows: int
) -> None:
    stream = _stream(tmp_path, tokens)
    replicas = Replicas(FastLlama(model, torch.float32))
    found = heldout_loss(replicas, stream, 8, SETTINGS.model_copy(update={"heldout_tokens": most}))
    sequences = torch.from_numpy(stream.sequences(0, windows, 8))
    assert found == pytest.approx(replicas.fast.loss(sequences).item(), rel=1e-6)


@pytest.mark.parametrize(("tokens", "most"), [(8, 1_000), (100, 7)])
def test_no_whole_window_is_refused(model: Any, tmp_path: Path, tokens: int, most: int) -> None:
    settings = SETTINGS.model_copy(update={"heldout_tokens": most})
    with pytest.raises(UserError, match=rf"{tokens} held-out tokens are fewer than a context of 8"):
        heldout_loss(Replicas(FastLlama(model, torch.float32)), _stream(tmp_path, tokens), 8, settings)


def test_the_model_writes_the_likeliest_token_each_time(model: Any) -> None:
    written = continuation(FastLlama(model, torch.float32), [3, 5], 6)
    for end, token in enumerate(written):
        logits = model(torch.tensor([[3, 5, *written[:end]]])).logits[0, -1]
        assert token == int(logits.argmax())
    assert len(written) == 6


def _train(model: Any, folder: Path, stage: TrainingStage = STAGE, **changes: Any) -> list[dict[str, float]]:
    mix, heldout = _stream(folder / "mix", 161), _stream(folder / "heldout", 40)
    settings = SETTINGS.model_copy(update=changes)
    return train(model, mix, heldout, stage, settings, folder / "work").progress.rows


@pytest.mark.parametrize(
    ("evaluations", "at"), [(1, [10]), (2, [5, 10]), (4, [2, 5, 7, 10]), (10, [*range(1, 11)]), (25, [*range(1, 11)])]
)
def test_evaluations_are_spread_evenly_and_one_is_after_the_last_step(
    model: Any, tmp_path: Path, evaluations: int, at: list[int]
) -> None:
    rows = _train(model, tmp_path, evaluations=evaluations)
    assert [int(row["step"]) for row in rows if not math.isnan(row["heldout_loss"])] == at
    assert [row["tokens"] for row in rows] == [16 * step for step in range(1, 11)]


def test_states_are_saved_as_often_as_asked_and_after_the_last_step(model: Any, tmp_path: Path) -> None:
    _train(model, tmp_path, keep_last=9)
    assert [path.name for path in saved_states(tmp_path / "work")] == [f"state_{step:08d}.pt" for step in (4, 8, 10)]
    assert saved_step(tmp_path / "work") == 10 and saved_step(tmp_path) == 0


def test_a_finished_stage_trains_nothing_more(model: Any, tmp_path: Path) -> None:
    rows = _train(model, tmp_path)
    again = new_model(SHAPE, seed=5, eos=0, pad=1)
    mix = TokenStream.open(tmp_path / "mix")
    trained = train(again, mix, TokenStream.open(tmp_path / "heldout"), STAGE, SETTINGS, tmp_path / "work")
    assert trained.speed == [] and [row["loss"] for row in trained.progress.rows] == [row["loss"] for row in rows]
    assert all(torch.equal(one, other) for one, other in zip(again.parameters(), model.parameters(), strict=True))


def test_micro_batches_and_recomputation_change_no_loss(tmp_path: Path) -> None:
    kinds: list[dict[str, Any]] = [{}, {"micro_batch_tokens": 8}, {"gradient_checkpointing": True}]
    curves = [
        [row["loss"] for row in _train(new_model(SHAPE, seed=0, eos=0, pad=1), tmp_path / str(number), **changes)]
        for number, changes in enumerate(kinds)
    ]
    assert curves[1] == pytest.approx(curves[0], rel=1e-5) and curves[2] == pytest.approx(curves[0], rel=1e-5)


def test_each_step_has_the_rate_of_its_schedule(model: Any, tmp_path: Path) -> None:
    stage = STAGE.model_copy(update={"schedule": "linear", "warmup": 0.2, "min_lr": 2e-4})
    rates = [row["lr"] for row in _train(model, tmp_path, stage)]
    assert rates == pytest.approx([5e-4, *(1e-3 - 1e-4 * step for step in range(9))])
