"""Bytes that SFT and DPO take of a GPU, by hand."""

from typing import Any

import pytest

from alignment_pretraining.core.model import Model, layer_parameters, parameter_count
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.post_training.memory import memory_per_gpu
from alignment_pretraining.study import DpoStage, SftStage

MODEL = Model(vocab_size=100, hidden_size=8, intermediate_size=16, layers=3, heads=2, max_context=64)
SFT = SftStage(conversations=32, epochs=1, context=32, batch_size=8, max_lr=1e-3, warmup=0.1)
DPO = DpoStage(pairs=32, epochs=1, context=32, batch_size=8, max_lr=1e-3, warmup=0.1, beta=0.1)
ALL = parameter_count(MODEL)


def _memory(stage: SftStage | DpoStage = SFT, **values: Any) -> dict[str, float]:
    return memory_per_gpu(MODEL, stage, PostTrainingConfig.model_validate(values))


def test_alone_a_process_has_everything_and_in_bf16_a_copy_to_compute_with() -> None:
    layer = 8 * 32 * 8 * 17
    assert _memory(precision="fp32") == {
        "weights": 4 * ALL,
        "gradients": 4 * ALL,
        "optimizer": 8 * ALL,
        "computed with": 0,
        "activations": 3 * layer * 4,
        "masks": 0,
    }
    found = _memory(precision="bf16")
    assert (found["computed with"], found["activations"]) == (2 * ALL, 3 * layer * 2) and found == _memory()


def test_processes_share_what_fsdp_shares_and_ddp_sends_a_copy_of_gradients() -> None:
    ddp, fsdp = _memory(processes=4), _memory(processes=4, parallel="fsdp")
    assert (ddp["weights"], ddp["gradients"], ddp["optimizer"]) == (4 * ALL, 8 * ALL, 8 * ALL)
    assert (fsdp["weights"], fsdp["gradients"], fsdp["optimizer"]) == (ALL, ALL, 2 * ALL)
    assert fsdp["computed with"] == (2 * 100 * 8 + 2 * layer_parameters(MODEL)) * 6
    assert _memory(parallel="fsdp") == _memory(), "one process shares with nobody"


@pytest.mark.parametrize(("values", "rows"), [({}, 8), ({"processes": 2}, 4), ({"micro_batch": 1}, 1)])
def test_activations_are_of_what_is_read_at_once_and_pairs_are_two_texts(values: dict[str, Any], rows: int) -> None:
    assert _memory(**values)["activations"] == 3 * rows * 32 * 8 * 17 * 2
    assert _memory(DPO, **values)["activations"] == 2 * _memory(**values)["activations"]


def test_with_recomputation_inputs_of_layers_stay_and_one_layer_whole() -> None:
    tokens = 8 * 32 * 8
    assert _memory(gradient_checkpointing=True)["activations"] == 3 * tokens * 4 + tokens * 17 * 2
    sharded = _memory(gradient_checkpointing=True, processes=2, micro_batch=8, parallel="fsdp")
    assert sharded["activations"] == 3 * tokens * 2 + tokens * 17 * 2, "which are in bf16 there"


def test_a_packed_row_has_a_mask_of_its_square() -> None:
    assert _memory(packing=True)["masks"] == 32**2 * 3
    assert _memory(packing=True, micro_batch=2)["masks"] == 64**2 * 3
    assert _memory(DPO, packing=True)["masks"] == 0
