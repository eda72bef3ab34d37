"""What a layout costs beside the model's own arithmetic, and the cheapest one that fits: pure arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import Model, flops_per_token, parameter_count
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import TrainingStage

RECOMPUTED = 1 / 3  # another forward pass: 2N of 6N
# All-reduces of a layer: two forward, two backward; two more where the forward pass is made again (arXiv 2205.05198).
_REDUCES, _REDUCES_AGAIN = 4, 2
_BF16, _FP32 = 2, 4
# What is tried. Sends between a pipeline's ranks are not counted, nor that the first and the last have more to do, so
# deep pipelines are not.
_TENSOR, _PIPELINE, _MICRO_BATCHES = (1, 2, 4, 8), (1, 2, 4), (1, 2, 4, 8)


@dataclass(frozen=True)
class Overhead:
    """What is added to the time of the model's own arithmetic, each as a share of it.

    `recompute` is the second forward pass, `bubble` the pipeline's ranks that wait, `tensor` and `data` the all-reduces
    of activations within a machine and of gradients between machines. Nothing is taken to overlap.
    """

    recompute: float
    bubble: float
    tensor: float
    data: float

    @property
    def factor(self) -> float:
        """Time of a step over that of its arithmetic."""
        return 1 + self.recompute + self.bubble + self.tensor + self.data


def overhead(model: Model, stage: TrainingStage, layout: Layout, cluster: Cluster) -> Overhead:
    """The overhead of a base stage at `layout`."""
    gpu = cluster.gpu
    flops = stage.batch_tokens * flops_per_token(model, stage.context)
    seconds = flops / (gpu.peak_tflops * 1e12 * gpu.mfu * layout.gpus)
    recompute = RECOMPUTED if layout.recompute else 0.0
    bubble = (1 + recompute) * (layout.pp - 1) / layout.accumulation(stage)
    tokens, layers = stage.batch_tokens / layout.dp, model.layers / layout.pp
    reduces = _REDUCES + (_REDUCES_AGAIN if layout.recompute else 0)
    within = tokens * layers * reduces * model.hidden_size * _BF16 * _ring(layout.tp)
    own = parameter_count(model) / (layout.tp * layout.pp)
    between = own * (_FP32 * _ring(layout.dp) + (_BF16 * _ring(layout.dp) / 2 if layout.zero else 0))
    # Replicas on one machine need no network.
    network = gpu.network_gb_per_s if layout.gpus > cluster.gpus_per_node else gpu.link_gb_per_s
    tensor, data = within / (gpu.link_gb_per_s * 1e9), between / (network * 1e9)
    return Overhead(recompute, bubble, tensor / seconds, data / seconds)


def _ring(ranks: int) -> float:
    """Bytes that a rank sends in a ring's all-reduce, for each byte that is reduced."""
    return 2 * (ranks - 1) / ranks


def cheapest(model: Model, stage: TrainingStage, gpus: int, cluster: Cluster) -> tuple[Layout, Overhead] | None:
    """The layout of `gpus` GPUs with the least overhead that can run the stage; None where there is none."""
    fitting = [(layout, overhead(model, stage, layout, cluster)) for layout in _fitting(model, stage, gpus, cluster)]
    return min(fitting, key=lambda found: found[1].factor, default=None)


def _fitting(model: Model, stage: TrainingStage, gpus: int, cluster: Cluster) -> Iterator[Layout]:
    for tp, pp, micro_batch, recompute in product(_TENSOR, _PIPELINE, _MICRO_BATCHES, (False, True)):
        if gpus % (tp * pp):
            continue
        layout = Layout(
            dp=gpus // (tp * pp), tp=tp, pp=pp, micro_batch=micro_batch, recompute=recompute, sequence_parallel=tp > 1
        )
        try:
            check_stage(model, stage, layout, cluster)
        except UserError:
            continue
        yield layout
