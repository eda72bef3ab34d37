"""nanotron's configuration of one stage, generated from ours."""

from pathlib import Path
from typing import Any

import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model
from alignment_pretraining.execution.ranks import stop_file
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import TrainingStage

ENTRY = "alignment_pretraining.pretraining.nanotron.entry"  # what every rank runs

# As the local engine's optimizer and model (training/engine.py, training/llama.py; arXiv 2601.10160 on optimisation).
_BETA1, _BETA2, _EPS, _DECAY, _CLIP = 0.9, 0.95, 1e-8, 0.1, 1.0
_NORM_EPS, _INITIAL_STD = 1e-5, 0.02


def stage_config(
    model: Model,
    stage: TrainingStage,
    layout: Layout,
    *,
    name: str,
    seed: int,
    mix: Path,
    weights: Path,
    folder: Path,
    save_every: int,
    keep: int = 2,
    keep_every: int | None = None,
    staging: bool = False,
    skip_nonfinite: int = 0,
) -> dict[str, Any]:
    """What `entry` reads: nanotron's own sections, and `stage` with what ours adds to them.

    Args:
        model: The model's shape.
        stage: Budget, batch and learning rates.
        layout: How it is spread over GPUs.
        name: Of the stage, for messages.
        seed: Of what is random in training.
        mix: Folder with the token stream.
        weights: A checkpoint in nanotron's format to start from (its weights alone).
        folder: Where checkpoints and metrics go.
        save_every: Steps between two saves.
        keep: How many saves are kept.
        keep_every: Saves of multiples of so many steps are kept for good.
        staging: Whether saves are written to each machine's temporary folder first.
        skip_nonfinite: How many batches may be left out because their gradient is not finite.
    """
    return {
        "general": {"project": "alignment-pretraining", "run": name, "seed": seed},
        "parallelism": {
            "dp": layout.dp,
            "tp": layout.tp,
            "pp": layout.pp,
            "pp_engine": layout.pipeline,
            "tp_mode": "REDUCE_SCATTER" if layout.sequence_parallel else "ALL_REDUCE",
            "tp_linear_async_communication": False,
        },
        "model": {
            "model_config": llama_config(model),
            "init_method": {"path": str(weights)},
            "dtype": layout.dtype,
        },
        "tokenizer": {},
        "tokens": {
            "sequence_length": stage.context,
            "train_steps": stage.steps,
            "micro_batch_size": layout.micro_batch,
            "batch_accumulation_per_replica": layout.accumulation(stage),
        },
        "optimizer": {
            "zero_stage": layout.zero,
            "weight_decay": _DECAY,
            "clip_grad": _CLIP,
            # a float32 model (rehearsals, tests) needs no second copy of its gradients, and nanotron refuses one
            "accumulate_grad_in_fp32": layout.dtype != "float32",
            "adam_eps": _EPS,
            "adam_beta1": _BETA1,
            "adam_beta2": _BETA2,
            "torch_adam_is_fused": True,
            "learning_rate_scheduler": _schedule(stage),
        },
        "checkpoints": {
            "checkpoints_path": str(folder / "checkpoints"),
            "checkpoint_interval": save_every,
            "checkpoints_path_is_shared_file_system": True,
        },
        "logging": {"log_level": "warning", "log_level_replica": "warning"},
        "stage": {
            "spec": stage.model_dump(),
            "mix": str(mix),
            "metrics": str(folder / "metrics.jsonl"),
            "keep": keep,
            "keep_every": keep_every,
            "staging": staging,
            "stop": str(stop_file(folder)),
            "skip_nonfinite": skip_nonfinite,
            "recompute": layout.recompute,
        },
    }


def llama_config(model: Model) -> dict[str, Any]:
    """nanotron's `LlamaConfig` of `model`."""
    return {
        "vocab_size": model.vocab_size,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.heads,
        "max_position_embeddings": model.max_context,
        "tie_word_embeddings": model.tie_embeddings,
        "rms_norm_eps": _NORM_EPS,
        "initializer_range": _INITIAL_STD,
    }


def write_config(config: dict[str, Any], path: Path) -> Path:
    """Write `config` where `entry` reads it, after nanotron's own classes have accepted it.

    Raises:
        UserError: nanotron refuses it.
    """
    from alignment_pretraining.pretraining.nanotron.compatibility import prepare

    prepare()
    from alignment_pretraining.pretraining.nanotron.trainer import StageConfig

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    try:
        StageConfig.from_file(path)
    except Exception as error:  # dacite and nanotron raise many kinds
        raise UserError(f"{path}: nanotron refuses this configuration: {error}") from error
    return path


def _schedule(stage: TrainingStage) -> dict[str, Any]:
    """The schedule in nanotron's words. What runs is `training.schedule`, the local engine's own (see `trainer`)."""
    constant = stage.schedule == "constant"
    return {
        "learning_rate": stage.max_lr,
        "min_decay_lr": stage.max_lr if constant else stage.min_lr,
        "lr_warmup_steps": round(stage.warmup * stage.steps),
        "lr_warmup_style": "linear",
        "lr_decay_style": "linear" if constant else stage.schedule,
    }
