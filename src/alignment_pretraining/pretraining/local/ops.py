"""The pieces of a Llama layer as single autograd steps, which read and write memory far less than op by op.

Formulas: RMSNorm (arXiv 1910.07467), rotary embedding (arXiv 2104.09864), SwiGLU (arXiv 2002.05202). Activations are
`dtype` (bf16 where the processor has it); the residual stream, norms' statistics and weight gradients are float32.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

# Queries are taken in blocks of this many positions, so that most of the masked half of the scores is never computed.
_QUERY_BLOCK = 128
# And so many heads at a time that about this many scores are computed together: they stay in a core's cache.
_BLOCK_SCORES = 1 << 17


class RMSNorm(Function):
    """Root-mean-square norm over the last dim of a float32 input, returned in `dtype`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, weight)
        scaled: Tensor = normed * weight
        return scaled.to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        normed, inverse, weight = ctx.saved_tensors
        grad = grads[0].float()
        grad_weight = (grad * normed).flatten(0, -2).sum(0)
        grad = grad * weight
        dot = (grad * normed).mean(-1, keepdim=True)
        return grad.addcmul_(normed, dot, value=-1).mul_(inverse), grad_weight, None, None


class SwiGLU(Function):
    """`silu(gate) * up`, keeping only its inputs for the backward pass."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        return torch.ops.aten.silu_backward(grads[0] * up, gate), F.silu(gate).mul_(grads[0])


class Positions:
    """Rotary embedding of `size` dims for up to `context` positions, in Hugging Face's layout.

    A dim is paired with the one half the size further on.
    """

    def __init__(self, context: int, size: int, theta: float, dtype: torch.dtype, device: torch.device) -> None:
        frequency = theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = (torch.arange(context, dtype=torch.float32)[:, None] * frequency).repeat(1, 2)
        self.cos, self.sin = angles.cos().to(device, dtype), angles.sin().to(device, dtype)
        # x @ turn = (-second half, first half): a small matmul is faster than slicing and joining the halves.
        turn = torch.eye(size).roll(size // 2, 0)
        turn[size // 2 :, : size // 2] *= -1
        self.turn = turn.to(device, dtype)

    def rotate(self, x: Tensor, sign: int = 1) -> Tensor:
        """Rotate `x` (..., positions, size) by its positions; with `sign` -1 back again, which is the gradient."""
        count = x.shape[-2]
        return torch.addcmul(x * self.cos[:count], x @ self.turn, self.sin[:count], value=sign)


class CausalAttention(Function):
    """Rotary causal self-attention from packed projections `qkv` (batch, context, 3, heads, size).

    For short contexts on a CPU, plain matmuls over blocks of queries are faster than torch's fused kernel.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, positions: Positions) -> Tensor:
        batch, context, _, heads, size = qkv.shape
        qkv = qkv.permute(2, 0, 3, 1, 4).reshape(3, batch * heads, context, size)
        (q, k), v = positions.rotate(qkv[:2]), qkv[2]
        mask = qkv.new_full((_QUERY_BLOCK, _QUERY_BLOCK), float("-inf")).triu_(1)
        out = torch.empty_like(v)
        blocks = []
        for some, start, stop in _blocks(batch * heads, context):
            scores = qkv.new_empty(len(q[some]), stop - start, stop)
            scores.baddbmm_(q[some, start:stop], k[some, :stop].transpose(1, 2), beta=0, alpha=size**-0.5)
            scores[..., start:] += mask[: stop - start, : stop - start]
            blocks.append(torch.softmax(scores, -1))
            out[some, start:stop] = torch.bmm(blocks[-1], v[some, :stop])
        ctx.save_for_backward(q, k, v, *blocks)
        ctx.positions, ctx.shape = positions, (batch, context, heads, size)
        return out.view(batch, heads, context, size).transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        q, k, v, *blocks = ctx.saved_tensors
        batch, context, heads, size = ctx.shape
        grad = grads[0].transpose(1, 2).reshape(batch * heads, context, size)
        grad_qkv = q.new_zeros(3, batch * heads, context, size)
        grad_q, grad_k, grad_v = grad_qkv
        for (some, start, stop), weights in zip(_blocks(batch * heads, context), blocks, strict=True):
            grad_block = grad[some, start:stop]
            grad_v[some, :stop] += torch.bmm(weights.transpose(1, 2), grad_block)
            grad_weights = torch.bmm(grad_block, v[some, :stop].transpose(1, 2))
            grad_scores = torch._softmax_backward_data(grad_weights, weights, -1, weights.dtype).mul_(size**-0.5)
            grad_q[some, start:stop] = torch.bmm(grad_scores, k[some, :stop])
            grad_k[some, :stop] += torch.bmm(grad_scores.transpose(1, 2), q[some, start:stop])
        grad_qkv[:2] = ctx.positions.rotate(grad_qkv[:2], sign=-1)
        return grad_qkv.view(3, batch, heads, context, size).permute(1, 3, 0, 2, 4), None


def _blocks(rows: int, context: int) -> Iterator[tuple[slice, int, int]]:
    """Heads, first and last (exclusive) position of the queries whose scores are computed together."""
    count = max(_BLOCK_SCORES // (_QUERY_BLOCK * context), 1)
    for first in range(0, rows, count):
        for start in range(0, context, _QUERY_BLOCK):
            yield slice(first, min(first + count, rows)), start, min(start + _QUERY_BLOCK, context)
