"""The model as TRL trains it."""

from pathlib import Path
from typing import Any

from alignment_pretraining.post_training.job import Recipe
from alignment_pretraining.pretraining.local.checkpoint import load_checkpoint


def load_model(recipe: Recipe) -> Any:
    """The model that a stage begins from; on a CPU the decoder of our own runs by the local engine's fast forward pass.

    That pass ignores the attention mask, which is exact because TRL pads on the right and attention is causal.
    """
    import torch

    model = load_start(recipe)
    if not torch.cuda.is_available() and has_fast_decoder(recipe):
        _use_fast_decoder(model, recipe.settings.precision)
    return model


def load_start(recipe: Recipe) -> Any:
    """The float32 model that a stage begins from: verified, where it was trained here."""
    return load_checkpoint(recipe.start) if recipe.own else _load_from_elsewhere(recipe.start)


def has_fast_decoder(recipe: Recipe) -> bool:
    """Whether the fast forward pass can be used: it knows nothing of packed rows, recomputation, sharded weights,
    adapters and architectures of others."""
    settings = recipe.settings
    changed = settings.packing or settings.gradient_checkpointing or settings.parallel == "fsdp" or recipe.lora
    return recipe.own and not changed


def _load_from_elsewhere(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )


def _use_fast_decoder(model: Any, choice: str) -> None:
    import torch
    from transformers.modeling_outputs import BaseModelOutputWithPast

    from alignment_pretraining.pretraining.local.engine import precision
    from alignment_pretraining.pretraining.local.llama import FastLlama

    fast = FastLlama(model, precision(choice, torch.device("cpu")))

    def forward(input_ids: torch.Tensor, **_: Any) -> BaseModelOutputWithPast:
        return BaseModelOutputWithPast(last_hidden_state=fast.hidden(input_ids).float())

    model.model.forward = forward
