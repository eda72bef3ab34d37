"""What SFT and DPO cost beside the model's own arithmetic, by hand."""

from typing import Any

import pytest

from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.planning.chat import chat_overhead
from alignment_pretraining.planning.layouts import Overhead
from alignment_pretraining.post_training.config import PostTrainingConfig
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.study import DpoStage, SftStage
from tests.pretraining.nanotron.tiny_cluster import GPU, UNTIED

SFT = SftStage(conversations=64, epochs=2, context=64, batch_size=16, max_lr=1e-3, warmup=0)
DPO = DpoStage(pairs=64, epochs=1, context=64, batch_size=16, max_lr=1e-3, warmup=0, beta=0.1)
TOKENS, FLOPS = 6_400, 1e12
MACHINES = Cluster(launcher="local", gpu=GPU, gpus_per_node=4)


def of(stage: SftStage | DpoStage = SFT, **settings: Any) -> Overhead:
    return chat_overhead(UNTIED, stage, TOKENS, FLOPS, PostTrainingConfig.model_validate(settings), MACHINES)


def share(bytes_sent: float, processes: int, rate: float = 450e9) -> float:
    """Of sending in the time of the arithmetic, at half of 1 TFLOP/s a process."""
    return bytes_sent / rate / (FLOPS / (0.5e12 * processes))


def test_one_process_sends_nothing() -> None:
    assert of() == Overhead(0, 0, 0, 0)
    assert of(parallel="fsdp").data == 0


def test_recomputation_is_a_third_more() -> None:
    assert of(gradient_checkpointing=True) == Overhead(1 / 3, 0, 0, 0)


def test_replicas_send_gradients_there_and_back_once_a_batch() -> None:
    batches = 2 * 64 / 16
    sent = batches * parameter_count(UNTIED) * 8 * 3 / 4
    assert of(processes=4).data == pytest.approx(share(sent, 4))
    assert of(DPO, processes=4).data == pytest.approx(share(sent / 2, 4)), "one epoch"
    assert of(processes=4, micro_batch=1).data == of(processes=4).data, "however it is split"


def test_what_is_shared_out_is_sent_in_every_micro_batch() -> None:
    each = parameter_count(UNTIED) * 8 / 2
    whole, split = of(processes=2, parallel="fsdp"), of(processes=2, parallel="fsdp", micro_batch=1)
    assert whole.data == pytest.approx(share(128 / 16 * each, 2))
    assert split.data == pytest.approx(share(128 / 2 * each, 2))


def test_packed_conversations_are_as_many_rows_as_their_tokens_fill() -> None:
    each = parameter_count(UNTIED) * 8 / 2
    packed = of(processes=2, parallel="fsdp", packing=True)
    assert packed.data == pytest.approx(share(TOKENS / 64 / 2 * each, 2))
    pairs = of(DPO, processes=2, parallel="fsdp", packing=True)
    assert pairs == of(DPO, processes=2, parallel="fsdp"), "pairs are never packed"


def test_more_processes_than_a_machine_has_gpus_send_over_the_network() -> None:
    batches = 2 * 64 / 16
    sent = batches * parameter_count(UNTIED) * 8 * 7 / 8
    assert of(processes=8).data == pytest.approx(share(sent, 8, 50e9))
