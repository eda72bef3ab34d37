"""Bytes of a stage on a cluster: checkpoints and memory of a GPU. One GB is 1e9."""

from alignment_pretraining.core.model import Model, layer_parameters, parameter_count
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import TrainingStage

GB = 1e9
_BYTES = {"bfloat16": 2, "float32": 4}
# Bytes of a layer's activations a token and hidden unit: those that every tensor rank has, and those that they share.
# nanotron in bf16, without flash-attn, keeps 50; the local engine, in float32 at most, 68.
_LAYER = {"bfloat16": (10, 40), "float32": (20, 48)}
_FP32 = 4


def checkpoint_bytes(model: Model, layout: Layout) -> int:
    """A nanotron checkpoint: weights, and float32 master weights and Adam moments (two moments alone in float32)."""
    copies = 2 if layout.dtype == "float32" else 3
    return parameter_count(model) * (_BYTES[layout.dtype] + copies * _FP32)


def hugging_face_bytes(model: Model) -> int:
    """The converted checkpoint, in float32 as the local engine's."""
    return parameter_count(model) * _FP32


def memory_per_gpu(model: Model, stage: TrainingStage, layout: Layout) -> dict[str, float]:
    """Estimated bytes on the fullest GPU by kind; what the allocator and NCCL take besides is not in it.

    Activations of a layer are s·b·h·(10 + 40/t) bytes in bf16 (arXiv 2205.05198, section 4, has 10 + 24/t without the
    attention matrix, which flash attention and SDPA do not keep; without flash-attn nanotron keeps 16/t more); with
    recomputation, 2·s·b·h and one layer at a time in full.
    The first pipeline rank holds the most micro-batches at once, the last one the logits.
    """
    ranks = [_rank_memory(model, stage, layout, rank) for rank in {0, layout.pp - 1}]
    return max(ranks, key=lambda parts: sum(parts.values()))


def _rank_memory(model: Model, stage: TrainingStage, layout: Layout, rank: int) -> dict[str, float]:
    width = _BYTES[layout.dtype]
    first, last = rank == 0, rank == layout.pp - 1
    layers = model.layers // layout.pp
    tables = 1 if model.tie_embeddings and layout.pp == 1 else first + last
    held = (layers * layer_parameters(model) + tables * model.vocab_size * model.hidden_size) / layout.tp
    shares = layout.dp if layout.zero else 1
    master = width < _FP32
    sequence = stage.context * layout.micro_batch
    split = layout.tp if layout.sequence_parallel else 1
    whole, shared = _LAYER[layout.dtype]
    layer = sequence * model.hidden_size * (whole / split + shared / layout.tp)
    in_flight = layout.accumulation(stage) if layout.pipeline == "afab" else min(layout.pp - rank, layout.pp)
    kept = layers * (sequence * model.hidden_size * width / split if layout.recompute else layer) * in_flight
    logits = sequence * model.vocab_size / layout.tp * (width + 2 * _FP32) if last else 0
    return {
        "weights": held * width,
        "gradients": held * (width + (_FP32 if master else 0)),
        "optimizer": held * _FP32 * (3 if master else 2) / shares,
        "activations": kept + (layer if layout.recompute else 0),
        "logits": logits,
    }
