"""What a layout costs beside the model's own arithmetic, by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.model import flops_per_token, parameter_count
from alignment_pretraining.planning.layouts import Overhead, cheapest, overhead
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.layout import Layout
from tests.pretraining.nanotron.tiny_cluster import GPU, STAGE, UNTIED

# Batches of 32 sequences of 64 tokens on GPUs of 1 TFLOP/s, half of which is reached.
BATCH = STAGE.model_copy(update={"batch_tokens": 2_048, "tokens": 20_480})
MACHINES = Cluster(launcher="local", gpu=GPU, gpus_per_node=4)


def of(**sizes: Any) -> Overhead:
    return overhead(UNTIED, BATCH, Layout.model_validate(sizes), MACHINES)


def seconds(gpus: int) -> float:
    """Of a step's own arithmetic."""
    return 2_048 * flops_per_token(UNTIED, 64) / (0.5e12 * gpus)


def test_a_factor_is_what_all_overheads_add_to_the_time() -> None:
    assert Overhead(0.25, 0.5, 0.125, 1.0).factor == 2.875
    assert of().factor == 1


def test_ranks_of_a_pipeline_wait_while_it_fills_and_empties() -> None:
    assert of(pp=2).bubble == 1 / 32
    assert of(pp=4).bubble == 3 / 32
    assert of(pp=4, dp=2, micro_batch=2).bubble == 3 / 8
    assert of(pp=2, recompute=True).bubble == pytest.approx(4 / 3 / 32), "the second forward pass waits, too"


def test_tensor_ranks_reduce_activations_four_times_a_layer_and_six_with_recomputation() -> None:
    """In a ring of two a rank sends each byte once, in bf16, at 450 GB/s."""
    sent = 2_048 * 4 * 4 * 32 * 2
    assert of(tp=2).tensor == pytest.approx(sent / 450e9 / seconds(2))
    assert of(tp=2, recompute=True).tensor == pytest.approx(1.5 * of(tp=2).tensor)
    assert of(tp=4).tensor == pytest.approx(1.5 * sent / 450e9 / seconds(4))


def test_replicas_reduce_gradients_in_float32_and_zero_sends_weights_in_bf16() -> None:
    weights = parameter_count(UNTIED)
    without = of(dp=2, zero=0).data
    assert without == pytest.approx(weights * 4 / 450e9 / seconds(2))
    assert of(dp=2, zero=1).data == pytest.approx(1.25 * without)
    shared = weights / 2
    assert of(dp=2, tp=2, zero=0).data == pytest.approx(shared * 4 / 450e9 / seconds(4))


def test_replicas_on_one_machine_need_no_network() -> None:
    within, between = of(dp=4, zero=0).data, of(dp=8, zero=0).data
    weights = parameter_count(UNTIED)
    assert within == pytest.approx(weights * 4 * 1.5 / 450e9 / seconds(4))
    assert between == pytest.approx(weights * 4 * 1.75 / 50e9 / seconds(8))


@given(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4]), st.booleans())
def test_no_overhead_is_negative_and_recomputation_never_saves_time(dp: int, tp: int, pp: int, zero: bool) -> None:
    sizes = {"dp": dp, "tp": tp, "pp": pp, "zero": int(zero)}
    found, again = of(**sizes), of(**sizes, recompute=True)
    assert min(found.recompute, found.bubble, found.tensor, found.data) >= 0
    assert again.factor > found.factor >= 1


def test_the_cheapest_layout_uses_all_gpus_and_has_the_least_overhead_of_those_that_fit() -> None:
    found = cheapest(UNTIED, BATCH, 4, MACHINES)
    assert found is not None
    layout, added = found
    assert layout.gpus == 4 and added == overhead(UNTIED, BATCH, layout, MACHINES)
    assert added.factor <= min(of(pp=4).factor, of(tp=4, sequence_parallel=True).factor, of(dp=4).factor)


def test_what_does_not_fit_in_memory_is_no_layout() -> None:
    tiny = MACHINES.model_copy(update={"gpu": GPU.model_copy(update={"memory_gb": 1e-6})})
    assert cheapest(UNTIED, BATCH, 4, tiny) is None


def test_tensor_parallelism_stays_within_a_machine_and_machines_are_filled() -> None:
    alone = MACHINES.model_copy(update={"gpus_per_node": 1})
    found = cheapest(UNTIED, BATCH, 4, alone)
    assert found is not None and found[0].tp == 1
    assert cheapest(UNTIED, BATCH, 6, MACHINES) is None, "two machines of four"
