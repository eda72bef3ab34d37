"""A cluster as it is configured: what is taken, what it amounts to, and which stages it can hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.model import parameter_count
from alignment_pretraining.core.spec import parse
from alignment_pretraining.pretraining.nanotron.cluster import Cluster, check_stage
from alignment_pretraining.pretraining.nanotron.layout import Layout, check_layout
from alignment_pretraining.pretraining.nanotron.memory import checkpoint_bytes, hugging_face_bytes, memory_per_gpu
from tests.pretraining.nanotron.tiny_cluster import GPU, STAGE, TIED, UNTIED, cluster

SIZES = st.sampled_from([1, 2, 4])


@given(dp=SIZES, tp=SIZES, pp=SIZES, micro_batch=SIZES, afab=st.booleans())
def test_a_layout_that_is_taken_reads_the_whole_batch(dp: int, tp: int, pp: int, micro_batch: int, afab: bool) -> None:
    pipeline = "afab" if afab else "1f1b"
    layout = Layout.model_validate({"dp": dp, "tp": tp, "pp": pp, "micro_batch": micro_batch, "pipeline": pipeline})
    try:
        check_layout(UNTIED, STAGE, layout, gpus=16)
    except UserError as error:
        assert f"dp {dp} x tp {tp} x pp {pp}:" in str(error)
        assert layout.gpus > 16 or 4 % (dp * micro_batch) or (not afab and layout.accumulation(STAGE) < pp)
    else:
        assert layout.gpus == dp * tp * pp <= 16
        assert layout.accumulation(STAGE) * dp * micro_batch * STAGE.context == STAGE.batch_tokens


def test_sequence_parallelism_parts_the_context() -> None:
    stage = STAGE.model_copy(update={"context": 2, "batch_tokens": 256})
    check_layout(UNTIED, stage, Layout(tp=4))
    with pytest.raises(UserError, match=r"context 2 is not a multiple of tp 4 \(sequence_parallel\)"):
        check_layout(UNTIED, stage, Layout(tp=4, sequence_parallel=True))


@pytest.mark.parametrize(("gpus_per_node", "fits"), [(2, True), (4, True), (8, True), (3, False)])
def test_a_layout_of_several_machines_fills_them(gpus_per_node: int, fits: bool) -> None:
    layout, machines = Layout(dp=2, pp=2), cluster(Layout(), gpus_per_node=gpus_per_node)
    if fits:
        check_stage(UNTIED, STAGE, layout, machines)
    else:
        with pytest.raises(UserError, match=r"4 GPUs \(dp 2 x tp 1 x pp 2\) do not fill machines of 3"):
            check_stage(UNTIED, STAGE, layout, machines)


@pytest.mark.parametrize(("reserve", "fits"), [(0.0, True), (0.01, False)])
def test_memory_is_enough_to_the_byte_of_what_the_reserve_leaves(reserve: float, fits: bool) -> None:
    need = sum(memory_per_gpu(UNTIED, STAGE, Layout()).values())
    gpu = GPU.model_copy(update={"memory_gb": need * 1.001 / 1e9})
    machines = cluster(Layout(), gpu=gpu, memory_reserve=reserve)
    assert machines.room == pytest.approx(need * 1.001 * (1 - reserve))
    if fits:
        check_stage(UNTIED, STAGE, Layout(), machines)
    else:
        with pytest.raises(UserError, match="raise tp or pp, lower micro_batch, or set recompute"):
            check_stage(UNTIED, STAGE, Layout(), machines)


@pytest.mark.parametrize(("every", "kept"), [(None, 0), (6, 4), (12, 2), (18, 1), (24, 1), (30, 0)])
def test_saves_of_multiples_that_a_stage_reaches_are_kept(every: int | None, kept: int) -> None:
    assert cluster(Layout(), keep_every=every).kept(STAGE) == kept


def test_machines_are_as_the_cluster_says_and_there_are_none_without_slurm() -> None:
    slurm = {"time": "1:00:00", "partition": "gpu"}
    machines = cluster(Layout(), launcher="slurm", slurm=slurm, notice_seconds=120, resubmissions=7).machines()
    assert (machines.gpus_per_node, machines.notice_seconds, machines.resubmissions) == (8, 120, 7)
    assert machines.slurm.partition == "gpu"
    with pytest.raises(UserError, match=r"cluster\.slurm: missing, and a launcher is slurm"):
        cluster(Layout()).machines()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"keep_every": 10}, "keep_every 10 is not a multiple of save_every 6"),
        ({"launcher": "slurm"}, "launcher is slurm, and slurm is missing"),
        ({"goodput": 0}, "cluster.goodput: Input should be greater than 0"),
        ({"goodput": 1.5}, "cluster.goodput: Input should be less than or equal to 1"),
        ({"memory_reserve": 1}, "cluster.memory_reserve: Input should be less than 1"),
        ({"resubmissions": -1}, "cluster.resubmissions: Input should be greater than or equal to 0"),
        ({"layouts": {"pretraining": {"zero": 2}}}, "cluster.layouts.pretraining.zero: Input should be 0 or 1 (got 2)"),
        ({"layouts": {"pretraining": {"dtype": "fp8"}}}, "layouts.pretraining.dtype: Input should be 'bfloat16' or"),
        ({"gpu": GPU.model_dump() | {"mfu": 1.0}}, "cluster.gpu.mfu: Input should be less than 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(changes: dict[str, Any], says: str) -> None:
    values = cluster(Layout()).model_dump() | changes
    with pytest.raises(UserError) as error:
        parse(Cluster, values, "parameters_cluster.yml", "cluster")
    assert says in str(error.value)


def test_no_limit_of_time_leaves_room_for_any_notice() -> None:
    assert cluster(Layout(), launcher="slurm", slurm={"time": "UNLIMITED"}, notice_seconds=10**6)


@pytest.mark.parametrize(("dtype", "bytes_each"), [("bfloat16", 2 + 3 * 4), ("float32", 4 + 2 * 4)])
def test_a_save_has_weights_and_moments_and_in_bf16_masters(dtype: str, bytes_each: int) -> None:
    layout = Layout.model_validate({"dtype": dtype, "dp": 2, "tp": 2})
    assert checkpoint_bytes(UNTIED, layout) == bytes_each * parameter_count(UNTIED)
    assert hugging_face_bytes(UNTIED) == 4 * parameter_count(UNTIED)


def _memory(model: Any = UNTIED, **layout: Any) -> dict[str, float]:
    return memory_per_gpu(model, STAGE, Layout.model_validate(layout))


def test_memory_of_one_gpu_by_hand() -> None:
    """In bf16 2 bytes a weight, 6 a gradient, 12 of master and moments; the final norm is not counted."""
    layer = 4 * 32**2 + 3 * 32 * 64 + 2 * 32
    held = 4 * layer + 2 * 512 * 32
    assert _memory() == {
        "weights": 2 * held,
        "gradients": 6 * held,
        "optimizer": 12 * held,
        "activations": 4 * 64 * 32 * 50,
        "logits": 64 * 512 * 10,
    }
    assert _memory(TIED)["weights"] == 2 * (held - 512 * 32), "one table where it is both ends"
    assert _memory(dtype="float32")["gradients"] == 4 * held, "no second copy in float32"


def test_memory_is_parted_as_the_layout_says() -> None:
    alone = _memory()
    assert _memory(dp=4)["optimizer"] == alone["optimizer"] / 4
    assert _memory(dp=4, zero=0)["optimizer"] == alone["optimizer"]
    for kind in ("weights", "gradients", "optimizer", "logits"):
        assert _memory(tp=2)[kind] == alone[kind] / 2
    assert _memory(tp=2)["activations"] == 4 * 64 * 32 * (10 + 20)
    assert _memory(tp=2, sequence_parallel=True)["activations"] == 4 * 64 * 32 * 25
    assert _memory(micro_batch=2)["activations"] == 2 * alone["activations"]
    assert _memory(recompute=True)["activations"] == 4 * 64 * 32 * 2 + 64 * 32 * 50


def test_the_first_pipeline_rank_holds_as_many_micro_batches_as_there_are_ranks_and_the_last_the_logits() -> None:
    first = _memory(UNTIED.model_copy(update={"vocab_size": 8}), pp=4)
    assert first["activations"] == 1 * 64 * 32 * 50 * 4 and first["logits"] == 0
    wide = UNTIED.model_copy(update={"vocab_size": 2**16})
    last = _memory(wide, pp=4)
    assert last["activations"] == 1 * 64 * 32 * 50 and last["logits"] == 64 * 2**16 * 10
    assert _memory(pp=2, pipeline="afab")["activations"] == 2 * 64 * 32 * 50 * 4, "all of a batch at once"
