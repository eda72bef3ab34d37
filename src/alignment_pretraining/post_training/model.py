"""The model as TRL trains it."""

from pathlib import Path
from typing import Any

from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.pretraining.local.checkpoint import load_checkpoint


def load_model(folder: Path, settings: PostTrainingConfig) -> Any:
    """The verified model of a checkpoint; on a CPU its decoder runs by the local engine's fast forward pass.

    That pass ignores the attention mask, which is exact because TRL pads on the right and attention is causal.
    """
    import torch

    model = load_checkpoint(folder)
    if not torch.cuda.is_available() and has_fast_decoder(settings):
        _use_fast_decoder(model, settings.precision)
    return model


def has_fast_decoder(settings: PostTrainingConfig) -> bool:
    """Whether the fast forward pass can be used: it knows nothing of packed rows, recomputation and sharded weights."""
    return not (settings.packing or settings.gradient_checkpointing or settings.parallel == "fsdp")


def _use_fast_decoder(model: Any, choice: str) -> None:
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPast

    from alignment_pretraining.pretraining.local.engine import precision
    from alignment_pretraining.pretraining.local.llama import FastLlama

    fast = FastLlama(model, precision(choice, torch.device("cpu")))

    def forward(input_ids: torch.Tensor, **_: Any) -> BaseModelOutputWithPast:
        return BaseModelOutputWithPast(last_hidden_state=fast.hidden(input_ids).float())

    model.model.forward = forward
