"""The forward pass for a GPU: torch's own kernels, compiled."""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from alignment_pretraining.pretraining.local.llama import FastLlama


def fast_llama(model: Any, dtype: torch.dtype, *, recompute: bool = False) -> FastLlama:
    """The fast forward pass for the device that `model` is on; that of a GPU also where several processes train."""
    kind = GpuLlama if model.device.type == "cuda" or dist.is_initialized() else FastLlama
    return kind(model, dtype, recompute=recompute)


class GpuLlama(FastLlama):
    """`FastLlama` with SDPA and operations that `torch.compile` fuses. Equal to it up to rounding (tested on CPU)."""

    def __init__(self, model: Any, dtype: torch.dtype, *, recompute: bool = False) -> None:
        super().__init__(model, dtype, recompute=recompute)
        self.softmax = torch.float32
        if model.device.type == "cuda":
            self._hidden_of_batch = torch.compile(self.hidden)

    def _attend(self, qkv: Tensor) -> Tensor:
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        turned = F.scaled_dot_product_attention(self._rotate(q), self._rotate(k), v, is_causal=True)
        return turned.transpose(1, 2)

    def _rotate(self, x: Tensor) -> Tensor:
        count = x.shape[-2]
        first, second = x.chunk(2, -1)
        return x * self.positions.cos[:count] + torch.cat([-second, first], -1) * self.positions.sin[:count]

    def _swiglu(self, gate: Tensor, up: Tensor) -> Tensor:
        return F.silu(gate) * up

    def _norm(self, x: Tensor, norm: Any) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), norm.weight, self.eps).to(self.dtype)
