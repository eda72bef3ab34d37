"""The shape of the decoder, and its arithmetic: parameters and FLOPs."""

from typing import Self

from pydantic import model_validator

from alignment_pretraining.core.spec import Positive, Spec


class Model(Spec):
    """Shape of the Llama decoder; sizes in units, `context` of each stage may not exceed `max_context`."""

    vocab_size: Positive
    hidden_size: Positive
    intermediate_size: Positive
    layers: Positive
    heads: Positive
    max_context: Positive
    tie_embeddings: bool = True
    rope_theta: float = 10000.0
    initializer_range: float = 0.02  # GPT-2's and Llama's

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of heads {self.heads}")
        return self


def parameter_count(model: Model) -> int:
    """Parameters of the Llama decoder, tied embeddings counted once."""
    embeddings = model.vocab_size * model.hidden_size * (1 if model.tie_embeddings else 2)
    return embeddings + model.layers * layer_parameters(model) + model.hidden_size


def layer_parameters(model: Model) -> int:
    """Parameters of one layer: four attention matrices, three of the SwiGLU, two norms."""
    hidden = model.hidden_size
    return 4 * hidden**2 + 3 * hidden * model.intermediate_size + 2 * hidden


def flops_per_token(model: Model, context: int, passes: int = 6) -> float:
    """Model FLOPs to train on one token: 6N for the weights and 6·layers·hidden·context for causal attention.

    N counts all parameters (arXiv 2001.08361); attention is PaLM's 12LHQT (arXiv 2204.02311, appendix B) halved, as the
    masked half is not computed. Recomputation is not counted. `passes` is 6 for forward and backward, 2 for forward.
    """
    return passes * (parameter_count(model) + model.layers * model.hidden_size * context)


def utilization(model: Model, context: int, peak_tflops: float, tokens_per_second: float) -> float:
    """MFU (arXiv 2204.02311): model FLOPs a second as a share of the processor's peak, recomputation not counted."""
    return tokens_per_second * flops_per_token(model, context) / (peak_tflops * 1e12)
