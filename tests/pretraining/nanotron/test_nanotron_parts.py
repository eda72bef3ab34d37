"""The stand-ins for flash-attn, the conversion of weights, and the order of batches."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.model import Model
from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.pretraining.local.llama import new_model
from alignment_pretraining.pretraining.nanotron import flash, names
from alignment_pretraining.pretraining.nanotron.batches import micro_batches
from alignment_pretraining.pretraining.nanotron.compatibility import prepare
from alignment_pretraining.pretraining.nanotron.conversion import from_nanotron, to_model, to_nanotron
from tests.pretraining.nanotron.tiny_cluster import STAGE, TIED, UNTIED, logits_of, write_stream


def test_nanotron_imports_and_leaves_no_false_flash_attention_behind() -> None:
    prepare()
    prepare()
    from nanotron.trainer import DistributedTrainer

    assert DistributedTrainer
    assert flash.installed() or "flash_attn" not in sys.modules


def test_a_step_whose_gradient_is_not_finite_leaves_the_weights_as_they_are() -> None:
    prepare()
    from alignment_pretraining.pretraining.nanotron.trainer import StageTrainer

    taken: list[float] = []
    trainer = StageTrainer.__new__(StageTrainer)
    trainer.optimizer = SimpleNamespace(step=lambda: taken.append(trainer.grad_norm_unclipped.item()))
    trainer._skip_nonfinite_steps()
    for norm in (1.0, float("nan"), 2.0, float("inf")):
        trainer.grad_norm_unclipped = torch.tensor(norm)
        trainer.optimizer.step()
    assert taken == [1.0, 2.0] and trainer._skipped == 2


@settings(max_examples=20)
@given(heads=st.integers(1, 4), half=st.integers(1, 4), seed=st.integers(0, 9))
def test_attention_is_the_same_in_both_rotary_layouts(heads: int, half: int, seed: int) -> None:
    """Projections turned to nanotron's layout, and rotated its way, give the scores of Hugging Face's."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    size, length = 2 * half, 5
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, length, heads * size, generator=generator)
    q, k = torch.randn(2, heads * size, heads * size, generator=generator)

    frequency = 10_000.0 ** (-torch.arange(0, size, 2) / size)
    angles = (torch.arange(length)[:, None] * frequency).repeat(1, 2)[None]

    def split(y: torch.Tensor) -> torch.Tensor:
        return y.view(1, length, heads, size)

    query, key = apply_rotary_pos_emb(
        split(x @ q.T).transpose(1, 2), split(x @ k.T).transpose(1, 2), angles.cos(), angles.sin()
    )
    expected = query @ key.transpose(2, 3)

    q, k = names.interleave(q, heads), names.interleave(k, heads)
    rotary = flash.RotaryEmbedding(size, interleaved=True)
    turned, kv = rotary(split(x @ q.T), torch.stack([split(x @ k.T)] * 2, 2))
    scores = turned.transpose(1, 2) @ kv[:, :, 0].transpose(1, 2).transpose(2, 3)
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=1e-4)


def test_packed_attention_is_causal_within_each_sequence() -> None:
    q, k, v = torch.randn(3, 2 * 6, 2, 4)
    ends = torch.tensor([0, 6, 12])
    out = flash.flash_attn_varlen_func(q, k, v, cu_seqlens_q=ends, max_seqlen_q=6, causal=True)
    for start in (0, 6):
        for end in range(start + 1, start + 7):
            weights = torch.softmax(torch.einsum("hd,khd->hk", q[end - 1], k[start:end]) / 2, -1)
            torch.testing.assert_close(out[end - 1], torch.einsum("hk,khd->hd", weights, v[start:end]))


@pytest.mark.parametrize("model", [TIED, UNTIED], ids=["tied", "untied"])
def test_conversion_there_and_back(model: Model, tmp_path: Path) -> None:
    llama = new_model(model, 1, eos=None, pad=None)
    to_nanotron(llama.state_dict(), model, tmp_path)
    back = to_model(from_nanotron(tmp_path, model), model, eos=None, pad=None)
    for name, weight in llama.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight), name
    tokens = torch.arange(32)[None]
    assert torch.equal(logits_of(back, tokens), logits_of(llama, tokens))


@pytest.mark.parametrize(("dp", "micro_batch"), [(1, 1), (1, 4), (2, 1), (4, 1)])
def test_replicas_read_the_local_engines_batches(dp: int, micro_batch: int, tmp_path: Path) -> None:
    stream = TokenStream.open(write_stream(tmp_path / "mix", STAGE.tokens + 1, seed=3))
    first = 5
    replicas = [
        list(micro_batches(stream, STAGE, first=first, dp=dp, dp_rank=rank, micro_batch=micro_batch))
        for rank in range(dp)
    ]
    each = STAGE.batch_tokens // STAGE.context // dp // micro_batch
    for step, batch in enumerate(stream.batches(first, STAGE.steps, STAGE.batch_tokens, STAGE.context)):
        pieces = [piece for replica in replicas for piece in replica[step * each : (step + 1) * each]]
        np.testing.assert_array_equal(torch.cat([piece["input_ids"] for piece in pieces]), batch[:, :-1])
        np.testing.assert_array_equal(torch.cat([piece["label_ids"] for piece in pieces]), batch[:, 1:])
    assert all(len(replica) == (STAGE.steps - first) * each for replica in replicas)
