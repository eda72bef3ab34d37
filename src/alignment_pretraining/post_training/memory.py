"""Bytes that SFT and DPO take of a GPU: an estimate, for plans."""

from alignment_pretraining.core.model import Model, layer_parameters, parameter_count
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.study import DpoStage, SftStage

_FP32, _BF16, _MASK = 4, 2, 3  # of a packed row's mask, as it is made and as attention reads it
_LAYER = 17  # numbers that a layer keeps, a token and hidden unit (arXiv 2205.05198: 34 bytes in bf16)


def memory_per_gpu(model: Model, stage: SftStage | DpoStage, settings: PostTrainingConfig) -> dict[str, float]:
    """Estimated bytes by kind; what the allocator and NCCL take besides is not in it.

    Weights, gradients and Adam's moments are float32; with FSDP each process has its share of them, and beside it the
    tables and two layers whole. The reference of DPO is gone when training begins, and TRL keeps no logits.
    """
    parameters, tables = parameter_count(model), 2 * model.vocab_size * model.hidden_size
    several = settings.processes > 1
    sharded = several and settings.parallel == "fsdp"
    shares = settings.processes if sharded else 1
    width = _FP32 if settings.precision == "fp32" else _BF16
    gathered = tables * (width + _FP32) + 2 * layer_parameters(model) * (width + _FP32)
    copies = gathered if sharded else parameters * (_BF16 if width == _BF16 else 0)
    row = settings.micro_batch_of(stage) * stage.context
    tokens = row * (2 if isinstance(stage, DpoStage) else 1)
    layer = tokens * model.hidden_size * _LAYER * width
    inputs = tokens * model.hidden_size * (width if sharded else _FP32)
    return {
        "weights": parameters * _FP32 / shares,
        "gradients": parameters * _FP32 / shares * (2 if several and not sharded else 1),  # DDP sends copies
        "optimizer": parameters * 2 * _FP32 / shares,
        "computed with": copies,
        "activations": model.layers * inputs + layer if settings.gradient_checkpointing else model.layers * layer,
        "masks": row**2 * _MASK if settings.packs(stage) else 0,
    }
