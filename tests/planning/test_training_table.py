"""The plan of training as it is read in a terminal."""

import dataclasses
from typing import Any

import pytest
from rich.console import Console

from alignment_pretraining.planning import training_table
from alignment_pretraining.planning.layouts import Overhead
from alignment_pretraining.planning.machines import cluster_of, local_engine
from alignment_pretraining.planning.training import Plan, StageCost, make_plan
from alignment_pretraining.pretraining.nanotron.cluster import Cluster
from alignment_pretraining.pretraining.nanotron.layout import Layout
from alignment_pretraining.study import Study
from tests.planning.preflight.test_preflight import parameters


def printed(shown: Any) -> list[str]:
    """The lines of a table without what frames them."""
    console = Console(width=200)
    with console.capture() as kept:
        console.print(shown)
    frame = str.maketrans(dict.fromkeys("┃│┏┓┡┩└┘├┤━─┳╇┴┼╈", " "))
    return [" ".join(line.translate(frame).split()) for line in kept.get().splitlines()]


@pytest.fixture(scope="module")
def study() -> Study:
    return parameters("paper").study


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    found = parameters("paper").cluster
    assert found is not None
    return found


@pytest.fixture(scope="module")
def plan(study: Study, cluster: Cluster) -> Plan:
    return make_plan(study, cluster, parameters("paper").post_training)


def test_stages_stand_side_by_side_with_their_sizes(plan: Plan, study: Study, cluster: Cluster) -> None:
    lines = printed(training_table.tables(plan, study, cluster))
    for line in (
        "Stages of paper: 6.89B parameters on H100 SXM,",
        "989 TFLOP/s x 45% MFU x 90% goodput, 2.5 USD an hour",
        "pretraining midtraining cpt sft dpo",
        "dp x tp x pp 32 x 2 x 4 64 x 4 x 1 64 x 4 x 1 8 x 1 x 1, fsdp 8 x 1 x 1, fsdp",
        "micro-batch 1 1 1 1, recompute 1, recompute",
        "steps 119,209 11,921 238 3,816 2,166",
        "tokens 500B 50B 0.998B 4B 0.532B",
    ):
        assert line in lines
    assert any(line.startswith("GPU-hours ") for line in lines)
    assert any(line.startswith("cost, USD ") for line in lines)


def test_a_stage_that_arms_share_tells_who_reads_it(plan: Plan, study: Study, cluster: Cluster) -> None:
    lines = printed(training_table.tables(plan, study, cluster))
    hours = plan.stages["pretraining"].gpu_hours
    shared = "unfiltered unfiltered, misaligned_mid, misaligned_cpt, aligned_mid, aligned_cpt"
    assert f"pretraining {shared} 1 x {hours:,.0f}" in lines
    assert any(line.startswith("sft each arm itself 11 x ") for line in lines)


def test_totals_are_of_what_is_trained_once_and_of_every_arm_by_itself(
    plan: Plan, study: Study, cluster: Cluster
) -> None:
    lines = printed(training_table.tables(plan, study, cluster))
    assert f"11 arms: {plan.total:,.0f} GPU-hours, {2.5 * plan.total:,.0f} USD." in lines
    saved = f"sharing equal histories saves {plan.unshared - plan.total:,.0f}."
    assert f"Each arm by itself would take {plan.unshared:,.0f}; {saved}" in lines
    assert any("of misaligned_cpt takes" in line and "220,000 for 11" in line for line in lines)
    assert any(line.startswith("price: an assumption") for line in lines)


def test_a_layout_that_wastes_time_is_told_a_better_one_and_the_papers_are_not(
    plan: Plan, study: Study, cluster: Cluster
) -> None:
    assert not any("less time" in line for line in printed(training_table.tables(plan, study, cluster)))
    slow = cluster.layouts | {"cpt": Layout(dp=8, tp=8, pp=4, recompute=True, sequence_parallel=True)}
    wasteful = cluster.model_copy(update={"layouts": slow})
    worse = make_plan(study, wasteful, parameters("paper").post_training)
    (line,) = [line for line in printed(training_table.tables(worse, study, wasteful)) if "less time" in line]
    assert line.startswith("cpt: dp 64 x tp 4 x pp 1, micro_batch 1, recompute false would take ")


def test_of_the_local_engine_nothing_better_is_proposed() -> None:
    gpu = parameters("gpu")
    training = gpu.training.model_copy(update={"gradient_checkpointing": True})
    gpu = gpu.model_copy(update={"training": training})
    machine = cluster_of(gpu, "gpu")
    plan = make_plan(gpu.study, machine, gpu.post_training, local_engine(gpu))
    lines = printed(training_table.tables(plan, gpu.study, machine))
    assert "dp x tp x pp 1 x 1 x 1 1 x 1 x 1 1 x 1 x 1" in lines
    assert not any("less time" in line for line in lines)
    assert list(plan.stages) == ["pretraining", "midtraining", "cpt"], "of SFT and DPO no lengths are told"


@pytest.mark.parametrize(
    ("hours", "time"), [(0.05, "0.05 h"), (9.96, "10 h"), (47.4, "47 h"), (48, "2 days"), (26_000, "1,083 days")]
)
def test_long_times_are_told_in_days(hours: float, time: str, plan: Plan, study: Study, cluster: Cluster) -> None:
    one = dataclasses.replace(plan.stages["cpt"], gpu_hours=hours * 256)
    assert one.gpus == 256
    changed = dataclasses.replace(plan, stages={"cpt": one})
    assert f"time {time}" in printed(training_table.tables(changed, study, cluster))


def test_trillions_of_tokens_are_written_in_full(plan: Plan, study: Study, cluster: Cluster) -> None:
    one = dataclasses.replace(plan.stages["pretraining"], tokens=15_000_000_000_000)
    changed = dataclasses.replace(plan, stages={"pretraining": one})
    assert "tokens 15,000B" in printed(training_table.tables(changed, study, cluster))


def test_a_stage_without_a_layout_is_trained_by_its_processes() -> None:
    one = StageCost("sft", 1, 7_200, 1.0, 2.0, 3.0, None, Overhead(0, 0, 0, 0), 1.0, 1, 1)
    assert one.gpus == 1 and one.tokens_per_gpu_second == 1
    settings = parameters("paper").post_training
    assert dataclasses.replace(one, settings=settings).gpus == 8
