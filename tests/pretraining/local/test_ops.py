"""Each fused piece of a layer is its formula, forward and backward."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alignment_pretraining.pretraining.local import loss as losses
from alignment_pretraining.pretraining.local.loss import LinearCrossEntropy, cross_entropy_sum
from alignment_pretraining.pretraining.local.ops import CausalAttention, Positions, RMSNorm, SwiGLU

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def _positions(context: int, size: int, theta: float = 10_000.0) -> Positions:
    return Positions(context, size, theta, torch.float64, CPU)


@settings(max_examples=20)
@given(half=st.integers(1, 5), count=st.integers(1, 20), theta=st.sampled_from([100.0, 10_000.0, 500_000.0]))
def test_a_rotation_keeps_lengths_and_is_undone_by_its_inverse(half: int, count: int, theta: float) -> None:
    positions, x = _positions(32, 2 * half, theta), _drawn(3, count, 2 * half).detach()
    turned = positions.rotate(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(positions.rotate(turned, sign=-1), x, atol=1e-6, rtol=1e-6)
    assert torch.equal(turned[:, 0], x[:, 0]), "the first position stands still"


def test_scores_depend_on_how_far_apart_positions_are_alone() -> None:
    positions, (q, k) = _positions(32, 8), _drawn(2, 8).detach()
    turned_q, turned_k = (positions.rotate(x.expand(32, 8)) for x in (q, k))
    scores = turned_q @ turned_k.T
    for apart in range(-5, 6):
        along = scores.diagonal(apart)
        torch.testing.assert_close(along, along[:1].expand_as(along), atol=1e-5, rtol=1e-5)


def test_the_first_pair_of_dims_turns_by_one_radian_a_position() -> None:
    x = torch.zeros(4, 6, dtype=torch.float64)
    x[:, 0] = 1.0
    turned = _positions(4, 6).rotate(x)
    angles = torch.arange(4, dtype=torch.float32).double()
    torch.testing.assert_close(turned[:, 0], angles.cos(), atol=1e-6, rtol=0)
    torch.testing.assert_close(turned[:, 3], angles.sin(), atol=1e-6, rtol=0)


def test_an_rms_norm_is_of_length_one_and_its_gradient_exact() -> None:
    x, weight = _drawn(3, 4, 6), _drawn(6, seed=1)
    normed = RMSNorm.apply(x, torch.ones(6, dtype=torch.float64), 0.0, torch.float64)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(normed.square().mean(-1), torch.ones(3, 4, dtype=torch.float64))
    expected = F.rms_norm(x, (6,), weight, 1e-5)
    found = RMSNorm.apply(x, weight, 1e-5, torch.float64)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, expected)
    upstream = _drawn(3, 4, 6, seed=2).detach()
    for own, other in zip(*(torch.autograd.grad(y, (x, weight), upstream) for y in (found, expected)), strict=True):
        torch.testing.assert_close(own.double(), other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_is_given_in_the_dtype_that_is_asked_for(dtype: torch.dtype) -> None:
    x = torch.full((2, 4), 1e3)
    normed = RMSNorm.apply(x, torch.ones(4), 1e-5, dtype)  # type: ignore[no-untyped-call]
    assert normed.dtype == dtype and torch.equal(normed, torch.ones(2, 4, dtype=dtype))


def test_a_swiglu_and_its_gradients_are_those_of_its_formula() -> None:
    gate, up = _drawn(5, 7), _drawn(5, 7, seed=1)
    assert torch.autograd.gradcheck(SwiGLU.apply, (gate, up))
    torch.testing.assert_close(SwiGLU.apply(gate, up), gate * torch.sigmoid(gate) * up)  # type: ignore[no-untyped-call]


def _attend(qkv: Tensor, positions: Positions) -> Tensor:
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(positions.rotate(q), positions.rotate(k), v, is_causal=True)
    return mixed.transpose(1, 2)


@pytest.mark.parametrize("context", [1, 2, 128, 129, 256])
def test_attention_in_blocks_is_attention(context: int) -> None:
    """Around whole blocks of 128 queries, with gradients."""
    positions, qkv = _positions(256, 4), _drawn(2, context, 3, 3, 4)
    found: Any = CausalAttention.apply(qkv, positions)  # type: ignore[no-untyped-call]
    expected = _attend(qkv, positions)
    torch.testing.assert_close(found, expected)
    upstream = _drawn(*found.shape, seed=1).detach()
    own, other = (torch.autograd.grad(y, qkv, upstream)[0] for y in (found, expected))
    torch.testing.assert_close(own, other)


def test_attention_over_heads_in_parts_is_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many scores at a time that two heads of six are taken together."""
    monkeypatch.setattr("alignment_pretraining.pretraining.local.ops._BLOCK_SCORES", 2 * 128 * 140)
    positions, qkv = _positions(140, 4), _drawn(2, 140, 3, 3, 4)
    found: Any = CausalAttention.apply(qkv, positions)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, _attend(qkv, positions))


@settings(max_examples=20)
@given(count=st.integers(1, 12), size=st.integers(1, 5))
def test_the_loss_in_chunks_is_the_loss(count: int, size: int) -> None:
    """Chunks that divide the tokens and others, by value and by gradient."""
    hidden, weight = _drawn(count, 6), _drawn(11, 6, seed=1)
    targets = torch.randint(0, 11, (count,), generator=torch.Generator().manual_seed(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(losses._CHUNK, "cpu", size)
        found: Any = LinearCrossEntropy.apply(hidden.float(), weight.float(), targets, torch.float32)  # type: ignore[no-untyped-call]
        total = cross_entropy_sum(hidden.float(), weight.float(), targets)
    expected = F.cross_entropy(F.linear(hidden, weight), targets)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert total.item() == pytest.approx(expected.item() * count, rel=1e-5)
    own, other = (torch.autograd.grad(2 * y, (hidden, weight)) for y in (found, expected))
    for one, another in zip(own, other, strict=True):
        torch.testing.assert_close(one, another, atol=1e-5, rtol=1e-4)
