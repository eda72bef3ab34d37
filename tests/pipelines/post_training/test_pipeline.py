"""SFT and DPO of a small study."""

import pytest

from alignment_pretraining.pipelines.post_training import nodes
from alignment_pretraining.pipelines.post_training.pipeline import create_pipeline
from tests.pipelines.conftest import MakeStudy, bound, by_name


def test_sft_begins_from_the_last_base_model_and_dpo_from_sft(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", "aligned_cpt")))
    assert set(made) == {
        f"{arm}.seed0.train_{stage}" for arm in ("unfiltered", "aligned_cpt") for stage in ("sft", "dpo")
    }
    sft, dpo = (made[f"aligned_cpt.seed0.train_{stage}"] for stage in ("sft", "dpo"))
    assert sft.inputs[:3] == ["conversations", "aligned_cpt.seed0.cpt.checkpoint", "params:study.stages.sft"]
    assert dpo.inputs[:3] == ["preferences", "aligned_cpt.seed0.sft.checkpoint", "params:study.stages.dpo"]
    assert "unfiltered.seed0.midtraining.checkpoint" in made["unfiltered.seed0.train_sft"].inputs
    assert bound(dpo).keywords == {"seed": 0}


@pytest.mark.parametrize(
    ("machine", "functions", "described"),
    [
        ("cpu", (nodes.run_sft, nodes.run_dpo), False),
        ("gpu", (nodes.run_sft, nodes.run_dpo), False),
        ("node", (nodes.run_sft_with_cluster, nodes.run_dpo_with_cluster), True),
        ("cluster", (nodes.run_sft_with_cluster, nodes.run_dpo_with_cluster), True),
    ],
)
def test_machines_are_described_where_there_are_some(
    machine: str, functions: tuple[object, object], described: bool, make_study: MakeStudy
) -> None:
    made = by_name(create_pipeline(make_study("unfiltered"), machine))  # type: ignore[arg-type]
    for stage, function in zip(("sft", "dpo"), functions, strict=True):
        one = made[f"unfiltered.seed0.train_{stage}"]
        assert bound(one).func is function and ("params:cluster" in one.inputs) == described


def test_seeds_that_are_not_post_trained_have_no_nodes(make_study: MakeStudy) -> None:
    seeds = {"base": [0, 5], "post_training": [5]}
    names = by_name(create_pipeline(make_study("unfiltered", seeds=seeds)))
    assert set(names) == {"unfiltered.seed5.train_sft", "unfiltered.seed5.train_dpo"}
