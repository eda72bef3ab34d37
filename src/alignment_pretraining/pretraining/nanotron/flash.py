"""Stands in for the four names of flash-attn that nanotron 0.4 imports, by plain torch, when it is not installed.

Covers what training calls: fixed-length causal attention, interleaved rotary embedding and RMS norm. Generation with a
key/value cache is refused.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BASE = 10_000.0  # flash-attn's default, and the only rotary base that nanotron 0.4 can train with


def installed() -> bool:
    """Whether the real flash-attn can be imported."""
    return importlib.util.find_spec("flash_attn") is not None


def flash_attn_varlen_func(
    q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, max_seqlen_q: int, causal: bool = False, **_: Any
) -> Tensor:
    """Attention over sequences packed as (batch * length, heads, size), all of the same length; the same shape out."""
    batch = len(cu_seqlens_q) - 1
    if len(q) != batch * max_seqlen_q or len(k) != len(q):
        raise NotImplementedError(f"{len(q)} positions are not {batch} sequences of {max_seqlen_q}: install flash-attn")
    query, key, value = (x.view(batch, max_seqlen_q, *x.shape[1:]).transpose(1, 2) for x in (q, k, v))
    grouped = k.shape[1] != q.shape[1]
    out = F.scaled_dot_product_attention(query, key, value, is_causal=causal, enable_gqa=grouped)
    return out.transpose(1, 2).reshape(q.shape)


class RotaryEmbedding(nn.Module):
    """Rotary embedding (arXiv 2104.09864) of neighbouring dims, as nanotron builds it (`interleaved=True`)."""

    def __init__(self, dim: int, interleaved: bool = False) -> None:
        super().__init__()
        if not interleaved:
            raise NotImplementedError("only the interleaved rotary layout has a stand-in: install flash-attn")
        self.dim = dim
        self._tables: dict[Any, tuple[Tensor, Tensor]] = {}

    def forward(self, q: Tensor, kv: Tensor) -> tuple[Tensor, Tensor]:
        """Rotate `q` (batch, length, heads, dim) and the keys of `kv` (batch, length, 2, heads, dim)."""
        cos, sin = self._table(q)
        return _rotate(q, cos, sin), torch.stack([_rotate(kv[:, :, 0], cos, sin), kv[:, :, 1]], 2)

    def _table(self, x: Tensor) -> tuple[Tensor, Tensor]:
        key = (x.shape[1], x.dtype, x.device)
        if key not in self._tables:
            frequency = _BASE ** (-torch.arange(0, self.dim, 2, dtype=torch.float32, device=x.device) / self.dim)
            angles = torch.arange(x.shape[1], dtype=torch.float32, device=x.device)[:, None, None] * frequency
            self._tables[key] = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        return self._tables[key]


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def layer_norm_fn(
    x: Tensor, weight: Tensor, bias: Tensor | None, eps: float = 1e-6, is_rms_norm: bool = False, **_: Any
) -> Tensor:
    """RMS norm (arXiv 1910.07467) or layer norm over the last dim, in float32, returned in the dtype of `x`."""
    if is_rms_norm:
        wide = x.float()
        return (wide * (wide.square().mean(-1, keepdim=True) + eps).rsqrt() * weight.float()).to(x.dtype)
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)


def _generation(*_: Any, **__: Any) -> Any:
    raise NotImplementedError(
        "generation inside nanotron needs flash-attn; convert the checkpoint and use transformers"
    )


@contextmanager
def standing_in() -> Iterator[None]:
    """While open, `flash_attn` is the stand-in; afterwards no other library in the process sees it."""
    _register("flash_attn.bert_padding", unpad_input=_generation, pad_input=_generation)
    _register(
        "flash_attn.flash_attn_interface",
        flash_attn_varlen_func=flash_attn_varlen_func,
        flash_attn_with_kvcache=_generation,
    )
    _register("flash_attn.layers.rotary", RotaryEmbedding=RotaryEmbedding)
    _register("flash_attn.ops.triton.layer_norm", layer_norm_fn=layer_norm_fn)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "flash_attn"]:
        del sys.modules[name]


def _register(path: str, **names: Any) -> None:
    parts = path.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        module = sys.modules.setdefault(name, ModuleType(name))
        module.__path__ = []
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], module)
    vars(sys.modules[path]).update(names)
