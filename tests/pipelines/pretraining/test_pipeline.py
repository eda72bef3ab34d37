"""Pretraining of a small study: who trains what, from where, and on which machine."""

import pytest

from alignment_pretraining.pipelines.pretraining import nodes
from alignment_pretraining.pipelines.pretraining.pipeline import create_pipeline
from tests.pipelines.conftest import MakeStudy, bound, by_name

STAGE = "unfiltered.seed0.train_midtraining"


def test_every_arm_seed_and_stage_is_trained_once_and_shared_histories_are_shared(make_study: MakeStudy) -> None:
    names = set(by_name(create_pipeline(make_study("unfiltered", "misaligned_mid", "misaligned_cpt"))))
    own = ("unfiltered", "pretraining"), ("unfiltered", "midtraining"), ("misaligned_mid", "midtraining")
    wanted = [*own, ("misaligned_cpt", "cpt")]
    assert names == {f"{arm}.seed{seed}.train_{stage}" for arm, stage in wanted for seed in (0, 1)}


def test_a_stage_begins_from_the_checkpoint_of_its_own_seed(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("misaligned_mid")))
    later = made["misaligned_mid.seed1.train_midtraining"]
    assert "unfiltered.seed1.pretraining.checkpoint" in later.inputs
    assert "misaligned_mid.seed1.midtraining.mix" in later.inputs
    assert not any(name.endswith(".checkpoint") for name in made["unfiltered.seed1.train_pretraining"].inputs)
    assert later.outputs == [
        f"misaligned_mid.seed1.midtraining.{n}" for n in ("checkpoint", "curve", "training_summary")
    ]
    assert bound(later).keywords == {"stage_name": "midtraining", "seed": 1}


@pytest.mark.parametrize(
    ("machine", "function", "told"),
    [
        ("cpu", nodes.train_stage, set()),
        ("gpu", nodes.train_stage, {"params:gpu.peak_tflops"}),
        ("node", nodes.train_stage_on_node, {"params:cluster"}),
        ("cluster", nodes.train_stage_on_cluster, {"params:cluster"}),
    ],
)
def test_the_machine_says_who_trains_and_what_it_is_told_of(
    machine: str, function: object, told: set[str], make_study: MakeStudy
) -> None:
    made = by_name(create_pipeline(make_study("unfiltered"), machine))  # type: ignore[arg-type]
    assert bound(made[STAGE]).func is function
    of_machines = {"params:gpu.peak_tflops", "params:cluster"}
    assert set(made[STAGE].inputs) & of_machines == told
    assert made[STAGE].tags >= {"pretraining", "unfiltered", "midtraining", "seed0"}


def test_nothing_is_trained_for_checkpoints_from_elsewhere(make_study: MakeStudy) -> None:
    assert create_pipeline(make_study(checkpoints={"ours": {"folder": "ours"}})).nodes == []
