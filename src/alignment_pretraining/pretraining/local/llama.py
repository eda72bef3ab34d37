"""The model: a Hugging Face Llama, and a forward pass over its weights that is several times faster on CPU."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.loss import LinearCrossEntropy, cross_entropy_sum
from alignment_pretraining.pretraining.local.ops import CausalAttention, Positions, RMSNorm, SwiGLU

_NORM_EPS = 1e-5


def new_model(spec: Model, seed: int, *, eos: int | None, pad: int | None) -> Any:
    """A float32 `LlamaForCausalLM` with normal(0, `spec.initializer_range`) weights drawn from `seed` alone."""
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=spec.vocab_size,
            hidden_size=spec.hidden_size,
            intermediate_size=spec.intermediate_size,
            num_hidden_layers=spec.layers,
            num_attention_heads=spec.heads,
            max_position_embeddings=spec.max_context,
            tie_word_embeddings=spec.tie_embeddings,
            rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta},
            rms_norm_eps=_NORM_EPS,
            initializer_range=spec.initializer_range,
            bos_token_id=None,
            eos_token_id=eos,
            pad_token_id=pad,
        )
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, spec.initializer_range, generator=generator)
    return model


class FastLlama:
    """Loss of a `LlamaForCausalLM` by the fused pieces of `ops` and `loss`; its gradients land in the model's weights.

    Equal to the model's own forward pass up to rounding in `dtype` (tested), without its masks, caches and casts.
    With `recompute` a layer keeps its input alone, and computes the rest again for its gradient.
    """

    def __init__(self, model: Any, dtype: torch.dtype, *, recompute: bool = False) -> None:
        config = model.config
        self.recompute = recompute
        self.model, self.dtype, self.eps = model, dtype, config.rms_norm_eps
        self.softmax = dtype  # of the loss; in bf16 on processors, as the reference results were made
        self.heads, self.size = config.num_attention_heads, config.head_dim
        theta = config.rope_parameters["rope_theta"]
        self.positions = Positions(config.max_position_embeddings, self.size, theta, dtype, model.device)
        self._hidden_of_batch = self.hidden

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean next-token loss over `tokens` (batch, context + 1)."""
        hidden = self._hidden_of_batch(tokens[:, :-1]).flatten(0, 1)
        targets = tokens[:, 1:].flatten()
        loss: Tensor = LinearCrossEntropy.apply(hidden, self._head(), targets, self.softmax)  # type: ignore[no-untyped-call]
        return loss

    @torch.no_grad()
    def loss_sum(self, tokens: Tensor) -> Tensor:
        """Summed next-token loss over `tokens` (batch, context + 1), without gradients."""
        return cross_entropy_sum(self.hidden(tokens[:, :-1]).flatten(0, 1), self._head(), tokens[:, 1:].flatten())

    @torch.no_grad()
    def next_token(self, ids: Tensor) -> int:
        """The likeliest token after `ids` (1, context)."""
        return int(F.linear(self.hidden(ids)[0, -1], self._head()).argmax())

    def _head(self) -> Tensor:
        head: Tensor = self.model.lm_head.weight
        return head.to(self.dtype)

    def hidden(self, ids: Tensor) -> Tensor:
        """Final hidden states (batch, context, hidden) of `ids` (batch, context); causal, and blind to padding."""
        decoder = self.model.model
        stream = F.embedding(ids, decoder.embed_tokens.weight)
        for layer in decoder.layers:
            if self.recompute and torch.is_grad_enabled():
                stream = checkpoint(self._layer, layer, stream, use_reentrant=False)
            else:
                stream = self._layer(layer, stream)
        return self._norm(stream, decoder.norm)

    def _layer(self, layer: Any, stream: Tensor) -> Tensor:
        attention, mlp = layer.self_attn, layer.mlp
        x = self._norm(stream, layer.input_layernorm)
        packed = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
        qkv = F.linear(x, packed.to(self.dtype)).view(*stream.shape[:2], 3, self.heads, self.size)
        stream = stream + self._linear(self._attend(qkv).flatten(2), attention.o_proj)
        x = self._norm(stream, layer.post_attention_layernorm)
        inner = self._swiglu(self._linear(x, mlp.gate_proj), self._linear(x, mlp.up_proj))
        return stream + self._linear(inner, mlp.down_proj)

    def _norm(self, x: Tensor, norm: Any) -> Tensor:
        normed: Tensor = RMSNorm.apply(x, norm.weight, self.eps, self.dtype)  # type: ignore[no-untyped-call]
        return normed

    def _attend(self, qkv: Tensor) -> Tensor:
        mixed: Tensor = CausalAttention.apply(qkv, self.positions)  # type: ignore[no-untyped-call]
        return mixed

    def _swiglu(self, gate: Tensor, up: Tensor) -> Tensor:
        inner: Tensor = SwiGLU.apply(gate, up)  # type: ignore[no-untyped-call]
        return inner

    def _linear(self, x: Tensor, linear: Any) -> Tensor:
        return F.linear(x, linear.weight.to(self.dtype))
