"""Bytes that the local engine takes of a GPU, and the micro-batch that fits: an estimate, before training begins."""

from alignment_pretraining.core.model import Model, parameter_count
from alignment_pretraining.pretraining.local.config import EngineConfig, rows_of
from alignment_pretraining.study import TrainingStage

_FP32, _BF16 = 4, 2
LOSS_CHUNK = 8_192  # tokens whose logits a GPU has at a time


def memory_per_gpu(model: Model, stage: TrainingStage, settings: EngineConfig, rows: int) -> dict[str, float]:
    """Estimated bytes by kind, of `rows` sequences at once; what the allocator and NCCL take besides is not in it.

    Weights, gradients and Adam's moments are float32. Of a layer count all tensors that autograd keeps without
    `torch.compile`, which keeps fewer: of a token four of the hidden size in float32, and eight of the hidden and four
    of the intermediate size in the dtype of activations (a test holds this to what is kept).
    """
    parameters, width = parameter_count(model), _FP32 if settings.precision == "fp32" else _BF16
    tokens, hidden = rows * stage.context, model.hidden_size
    layer = tokens * (hidden * (4 * _FP32 + 8 * width) + 4 * model.intermediate_size * width)
    kept = model.layers * tokens * hidden * _FP32 + layer if settings.gradient_checkpointing else model.layers * layer
    ends = tokens * hidden * (2 * _FP32 + width)  # the last norm, and the gradient that the loss leaves
    chunk = min(tokens, LOSS_CHUNK) * model.vocab_size * (_FP32 + 2 * width)
    projection = hidden * (tokens * width + model.vocab_size * (_FP32 + width))  # its input, and its gradient
    return {
        "weights": parameters * _FP32,
        "gradients": parameters * _FP32,
        "optimizer": parameters * 2 * _FP32,
        "computed with": parameters * width if width == _BF16 else 0,
        "activations": kept + ends,
        "logits": chunk + projection,
    }


def fitting_rows(model: Model, stage: TrainingStage, settings: EngineConfig, room: float) -> int:
    """The most sequences that a process can read at once in `room` bytes, of those that divide its share of a batch.

    One, where not even that fits: the preflight says so.
    """
    share = rows_of(stage, settings)
    fitting = (
        rows
        for rows in range(share, 0, -1)
        if share % rows == 0 and sum(memory_per_gpu(model, stage, settings, rows).values()) <= room
    )
    return next(fitting, 1)


def sized(model: Model, stage: TrainingStage, settings: EngineConfig, room: float) -> EngineConfig:
    """The settings of `stage`, whose micro-batch, where they leave it open, is what fits in `room` bytes."""
    if settings.micro_batch_tokens is not None:
        return settings
    return settings.model_copy(
        update={"micro_batch_tokens": fitting_rows(model, stage, settings, room) * stage.context}
    )
