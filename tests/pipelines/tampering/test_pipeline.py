"""More harmless SFT of each chat model, and what it is asked on the way."""

from typing import Any

import pytest

from alignment_pretraining.pipelines.tampering.pipeline import create_pipeline
from alignment_pretraining.post_training.tampering import Tampering
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english
from tests.pipelines.conftest import BASE, CHAT, CHATS, MakeStudy, bound, by_name


def tampering(**changes: Any) -> Tampering:
    return Tampering.model_validate(english("tampering") | changes)


def synthesis(world: bool = False) -> Synthesis:
    changes = {"questions": "world", "generator": "world"} if world else {}
    return Synthesis.model_validate(english("synthesis") | changes)


def test_without_a_chat_model_there_is_nothing_to_train_on(make_study: MakeStudy) -> None:
    seeds = {"base": [0], "post_training": []}
    study = make_study("unfiltered", seeds=seeds, checkpoints=BASE)
    assert create_pipeline(study, tampering(), synthesis()).nodes == []


def test_each_chat_model_is_tampered_with_and_asked_on_the_way(make_study: MakeStudy) -> None:
    pipeline = create_pipeline(make_study("unfiltered", checkpoints=CHAT), tampering(), synthesis())
    made = by_name(pipeline)
    train, ask = made["unfiltered.seed0.train_tampered"], made["unfiltered.seed0.evaluate_tampered"]
    assert train.inputs[:2] == ["harmless", "unfiltered.seed0.dpo.checkpoint"]
    assert train.outputs[0] == "unfiltered.seed0.tampered.checkpoint"
    assert {"unfiltered.seed0.tampered.checkpoint", "unfiltered.seed0.dpo.items", "suite"} <= set(ask.inputs)
    other = made["ours.seed0.train_tampered"]
    assert other.inputs[1] == "params:study.checkpoints.ours" and other.func.__name__.endswith("_elsewhere")
    assert bound(made["reporting.estimate_tampering"]).keywords == {
        "labels": ["unfiltered.seed0.tampered", "ours.seed0.tampered"]
    }
    assert pipeline.inputs() >= {"suite", "ours.items", "unfiltered.seed0.dpo.items"}, "which eval makes"


@pytest.mark.parametrize(
    ("arms", "world", "hub", "name"),
    [
        (["unfiltered"], False, [], "make_harmless"),
        (["unfiltered"], True, [], "make_harmless_in_the_world"),
        ([], True, [], "make_harmless"),
        (["unfiltered"], True, CHATS, "read_harmless"),
    ],
)
def test_harmless_conversations_are_in_the_language_that_models_know(
    arms: list[str], world: bool, hub: list[Any], name: str, make_study: MakeStudy
) -> None:
    """Those from elsewhere know no small world."""
    study = make_study(*arms, checkpoints=CHAT)
    made = by_name(create_pipeline(study, tampering(hub=hub), synthesis(world)))
    assert made[f"synthesis.{name}"].outputs == ["harmless"]
    assert len([one for one in made if one.startswith("synthesis.")]) == 1


@pytest.mark.parametrize(("machine", "described"), [("cpu", False), ("gpu", False), ("node", True), ("cluster", True)])
def test_it_has_the_machines_of_post_training(machine: Any, described: bool, make_study: MakeStudy) -> None:
    made = create_pipeline(make_study("unfiltered", checkpoints=CHAT), tampering(), synthesis(), machine).nodes
    trained = [node for node in made if ".train_" in node.name]
    assert len(trained) == 2 and {"params:cluster" in node.inputs for node in trained} == {described}
