"""What SFT and DPO cost beside the model's own arithmetic: pure arithmetic."""

from alignment_pretraining.core.model import Model, parameter_count
from alignment_pretraining.planning.layouts import RECOMPUTED, Overhead
from alignment_pretraining.post_training.config import PostTrainingConfig, examples
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.study import DpoStage, SftStage

# Bytes a parameter that a process sends: with FSDP in each micro-batch the weights twice in bf16 and the gradient in
# float32; with DDP in each batch the gradient, there and back.
_FSDP, _DDP = 8, 8


def chat_overhead(
    model: Model, stage: SftStage | DpoStage, tokens: int, flops: float, settings: PostTrainingConfig, cluster: Cluster
) -> Overhead:
    """The overhead of SFT or DPO, which read `tokens` in all. Nothing is taken to overlap."""
    gpu, processes = cluster.gpu, settings.processes
    seconds = flops / (gpu.peak_tflops * 1e12 * gpu.mfu * processes)
    read = examples(stage) * stage.epochs
    rows = tokens / stage.context if settings.packs(stage) else read
    times = rows / settings.at_once(stage) if settings.parallel == "fsdp" else read / stage.batch_size
    each = parameter_count(model) * (_FSDP if settings.parallel == "fsdp" else _DDP) * (processes - 1) / processes
    rate = gpu.network_gb_per_s if processes > cluster.gpus_per_node else gpu.link_gb_per_s
    recompute = RECOMPUTED if settings.gradient_checkpointing else 0.0
    return Overhead(recompute, 0.0, 0.0, times * each / (rate * 1e9) / seconds)
