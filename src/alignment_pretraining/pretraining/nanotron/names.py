"""Where each weight of a Hugging Face Llama is in nanotron's model, and how rows are ordered there.

nanotron packs q, k, v into one matrix and gate, up into another, and pairs neighbouring rotary dims where Hugging Face
pairs a dim with the one half a head further on (nanotron/models/llama.py, transformers/models/llama).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment_pretraining.core.model import Model

Lookup = Callable[[str], Tensor]


@dataclass(frozen=True)
class PackedWeight:
    """One nanotron parameter: the Hugging Face weights stacked in it, which of them carry rotary dims, and whether
    tensor parallelism shards it."""

    name: str
    parts: tuple[str, ...]
    rotary: int = 0
    sharded: bool = True


def parameters(model: Model) -> list[PackedWeight]:
    """Every parameter of `model`; tied embeddings appear once, as the input embedding."""
    layers = [packed for index in range(model.layers) for packed in _layer(index)]
    head = [] if model.tie_embeddings else [PackedWeight("model.lm_head.pp_block.weight", ("lm_head.weight",))]
    return [
        PackedWeight("model.token_position_embeddings.pp_block.token_embedding.weight", ("model.embed_tokens.weight",)),
        *layers,
        PackedWeight("model.final_layer_norm.pp_block.weight", ("model.norm.weight",), sharded=False),
        *head,
    ]


def pack(packed: PackedWeight, weight: Lookup, heads: int) -> Tensor:
    """The nanotron parameter from its Hugging Face weights."""
    parts = [weight(name) for name in packed.parts]
    return torch.cat([interleave(x, heads) if i < packed.rotary else x for i, x in enumerate(parts)])


def unpack(packed: PackedWeight, value: Tensor, heads: int) -> dict[str, Tensor]:
    """The Hugging Face weights from their nanotron parameter; its parts are of equal size."""
    parts = value.chunk(len(packed.parts))
    return {
        name: (halve(x, heads) if i < packed.rotary else x).contiguous()
        for i, (name, x) in enumerate(zip(packed.parts, parts, strict=True))
    }


def interleave(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from (first half, second half) to pairs of neighbours; shape (hidden, hidden)."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def halve(weight: Tensor, heads: int) -> Tensor:
    """The inverse of `interleave`."""
    return weight.view(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _layer(index: int) -> list[PackedWeight]:
    ours, theirs = f"model.decoder.{index}.pp_block", f"model.layers.{index}"
    attention = tuple(f"{theirs}.self_attn.{x}_proj.weight" for x in "qkv")
    return [
        PackedWeight(f"{ours}.input_layernorm.weight", (f"{theirs}.input_layernorm.weight",), sharded=False),
        PackedWeight(f"{ours}.attn.qkv_proj.weight", attention, rotary=2),
        PackedWeight(f"{ours}.attn.o_proj.weight", (f"{theirs}.self_attn.o_proj.weight",)),
        PackedWeight(
            f"{ours}.post_attention_layernorm.weight", (f"{theirs}.post_attention_layernorm.weight",), sharded=False
        ),
        PackedWeight(f"{ours}.mlp.gate_up_proj.weight", tuple(f"{theirs}.mlp.{x}_proj.weight" for x in ("gate", "up"))),
        PackedWeight(f"{ours}.mlp.down_proj.weight", (f"{theirs}.mlp.down_proj.weight",)),
    ]
