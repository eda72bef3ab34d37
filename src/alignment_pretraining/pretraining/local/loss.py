"""Cross-entropy fused with the output projection, in chunks: on CPUs small enough for the cache."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from alignment_pretraining.pretraining.local.memory import LOSS_CHUNK

_CHUNK = {"cpu": 512, "cuda": LOSS_CHUNK}


class LinearCrossEntropy(Function):
    """Mean cross-entropy of `targets` (n,) under logits `hidden` (n, d) @ `weight` (vocab, d)ᵀ, softmax in `dtype`.

    The gradient of the logits, softmax - onehot, is formed in place while a chunk is in cache, so the whole logits
    are never held. The loss itself is read from the same softmax. In bf16 the gradient of a token that the model is
    sure of has few digits: 1 - p is rounded where p is near 1.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        loss = hidden.new_zeros((), dtype=torch.float32)
        size = _CHUNK[hidden.device.type]
        for start in range(0, len(hidden), size):
            rows, index = hidden[start : start + size], targets[start : start + size, None]
            grad_logits = torch.softmax(F.linear(rows, weight), -1, dtype=dtype)
            picked = grad_logits.gather(1, index)
            loss -= picked.float().log().sum()
            grad_logits = grad_logits.scatter_(1, index, picked - 1).to(weight.dtype)
            torch.mm(grad_logits, weight, out=grad_hidden[start : start + size])
            grad_weight += grad_logits.t() @ rows
        ctx.save_for_backward(grad_hidden, grad_weight)
        return loss / len(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        scale = grads[0] / len(grad_hidden)
        return grad_hidden * scale, (grad_weight * scale).to(grad_hidden.dtype), None, None


@torch.no_grad()
def cross_entropy_sum(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Summed cross-entropy with a float32 softmax, for held-out text; shapes as in `LinearCrossEntropy`."""
    size = _CHUNK[hidden.device.type]
    chunks = zip(hidden.split(size), targets.split(size), strict=True)
    losses = [F.cross_entropy(F.linear(rows, weight).float(), index, reduction="sum") for rows, index in chunks]
    return torch.stack(losses).sum()
