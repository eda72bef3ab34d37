"""The estimate of memory counts what autograd keeps, and the micro-batch is the largest that fits it."""

import pytest
import torch

from alignment_pretraining.core.model import Model
from alignment_pretraining.pretraining.local.config import EngineConfig
from alignment_pretraining.pretraining.local.gpu_llama import GpuLlama
from alignment_pretraining.pretraining.local.llama import new_model
from alignment_pretraining.pretraining.local.memory import fitting_rows, memory_per_gpu, sized
from tests.pretraining.local.conftest import STAGE

MODEL = Model(vocab_size=512, hidden_size=128, intermediate_size=352, layers=3, heads=4, max_context=64)


def kept(settings: EngineConfig, rows: int) -> int:
    """Bytes that autograd keeps of a GPU's forward pass over `rows` sequences, here without `torch.compile`."""
    dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    fast = GpuLlama(new_model(MODEL, 0, eos=0, pad=1), dtype, recompute=settings.gradient_checkpointing)
    found: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = fast.loss(torch.zeros(rows, STAGE.context + 1, dtype=torch.long))
    assert loss.isfinite()
    return sum(found.values())


def estimated(model: Model, settings: EngineConfig, rows: int) -> float:
    return memory_per_gpu(model, STAGE, settings, rows)["activations"]


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_activations_are_those_that_autograd_keeps(precision: str) -> None:
    """Of four sequences more; with recomputation there is one layer beside what is kept, while its gradient is made."""
    plain = EngineConfig.model_validate({"precision": precision})
    again = plain.model_copy(update={"gradient_checkpointing": True})
    layer = estimated(MODEL, plain, 4) - estimated(MODEL.model_copy(update={"layers": MODEL.layers - 1}), plain, 4)
    assert kept(plain, 8) - kept(plain, 4) == pytest.approx(estimated(MODEL, plain, 4), rel=0.05)
    assert kept(again, 8) - kept(again, 4) == pytest.approx(estimated(MODEL, again, 4) - layer, rel=0.05)


def test_the_micro_batch_is_the_largest_share_that_fits() -> None:
    settings = EngineConfig(processes=2, micro_batch_tokens=None, precision="bf16")

    def need(rows: int) -> float:
        return sum(memory_per_gpu(MODEL, STAGE, settings, rows).values())

    assert [fitting_rows(MODEL, STAGE, settings, need(rows)) for rows in (1, 2, 3, 4, 7, 8, 99)] == [
        1,
        2,
        2,
        4,
        4,
        8,
        8,
    ]
    assert fitting_rows(MODEL, STAGE, settings, 0) == 1, "the preflight refuses it"
    assert need(8) > sum(
        memory_per_gpu(MODEL, STAGE, settings.model_copy(update={"gradient_checkpointing": True}), 8).values()
    )
    assert sized(MODEL, STAGE, settings, need(4)).micro_batch_tokens == 4 * STAGE.context
    given = EngineConfig(micro_batch_tokens=128)
    assert sized(MODEL, STAGE, given, 0) == given
