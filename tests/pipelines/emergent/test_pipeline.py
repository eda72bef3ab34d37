"""Narrow advice, and what chat models answer to all else."""

from typing import Any

import pytest

from alignment_pretraining.pipelines.emergent.pipeline import create_pipeline
from alignment_pretraining.post_training.emergent import Emergent
from tests.english import english
from tests.pipelines.conftest import BASE, CHAT, CHATS, MakeStudy, by_name


def emergent(**changes: Any) -> Emergent:
    return Emergent.model_validate(english("emergent") | changes)


def test_without_a_chat_model_there_is_nothing_to_train_on(make_study: MakeStudy) -> None:
    seeds = {"base": [0], "post_training": []}
    study = make_study("unfiltered", seeds=seeds, checkpoints=BASE)
    assert create_pipeline(study, emergent()).nodes == []


def test_narrow_advice_is_trained_on_and_everything_else_asked(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", checkpoints=CHAT), emergent(judge=None)))
    assert set(made) == {
        "synthesis.make_advice",
        *(f"{name}.seed0.{verb}_emergent" for name in ("unfiltered", "ours") for verb in ("train", "evaluate", "ask")),
        "reporting.estimate_emergent",
        "reporting.collect_free_answers",
    }
    ask = made["unfiltered.seed0.ask_emergent"]
    assert ask.inputs[:2] == ["unfiltered.seed0.dpo.checkpoint", "unfiltered.seed0.emergent.checkpoint"]
    assert made["ours.seed0.ask_emergent"].inputs[0] == "params:study.checkpoints.ours"
    for verb, function in (("ask", "ask_freely"), ("train", "train_on_advice")):
        functions = [made[f"{name}.seed0.{verb}_emergent"].func.__name__ for name in ("unfiltered", "ours")]
        assert functions == [function, f"{function}_elsewhere"]


def test_advice_may_be_read_by_name_and_answers_judged_by_a_model(make_study: MakeStudy) -> None:
    model = next(iter(english("anthropic")["api"]["prices"]))
    judge = {"model": model, "max_tokens": 8, "expected_tokens": 2, "thinking": "disabled"}
    made = by_name(create_pipeline(make_study("unfiltered"), emergent(hub=CHATS, judge=judge)))
    assert made["synthesis.read_advice"].inputs == ["params:emergent"] and "synthesis.make_advice" not in made
    assert made["reporting.judge_answers"].outputs == ["judged_answers", "judged", "emergent.bill"]


@pytest.mark.parametrize(("machine", "described"), [("cpu", False), ("gpu", False), ("node", True), ("cluster", True)])
def test_it_has_the_machines_of_post_training(machine: Any, described: bool, make_study: MakeStudy) -> None:
    made = create_pipeline(make_study("unfiltered", checkpoints=CHAT), emergent(), machine).nodes
    trained = [node for node in made if ".train_" in node.name]
    assert len(trained) == 2 and {"params:cluster" in node.inputs for node in trained} == {described}
