"""Who is asked what in evaluation."""

import pytest

from alignment_pretraining.evaluation.capability.config import Capability
from alignment_pretraining.pipelines.eval import nodes
from alignment_pretraining.pipelines.eval.pipeline import create_pipeline
from tests.pipelines.conftest import BASE, CHAT, MakeStudy, bound, by_name

ELSEWHERE = CHAT | BASE
FACTS = Capability.model_validate({"tasks": {"everyday_facts": {"shots": 0, "metric": "acc"}}})
OTHERS = Capability.model_validate({"tasks": {"mine": {"shots": 0, "metric": "acc", "folder": "mine"}}})
TRAINED = ["seed0.pretraining", "seed1.pretraining", "seed0.midtraining", "seed1.midtraining", "seed0.sft", "seed0.dpo"]


def test_every_checkpoint_of_the_study_is_asked_and_scored_once(make_study: MakeStudy) -> None:
    pipeline = create_pipeline(make_study("unfiltered"))
    wanted = {f"unfiltered.{label}.{what}" for label in TRAINED for what in ("items", "scores")}
    baselines = {f"unfiltered.seed{seed}.ngram.items" for seed in (0, 1)}
    assert pipeline.all_outputs() == {"suite"} | wanted | baselines


@pytest.mark.parametrize("verb", ["evaluate", "ask", "benchmark"])
def test_post_trained_models_are_asked_as_chat_models_and_base_models_are_not(verb: str, make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered"), FACTS, protocols=True))
    chat = {
        name: bound(node).keywords["chat"] for name, node in made.items() if f".{verb}_" in name and "ngram" not in name
    }
    assert chat == {
        f"unfiltered.{label.split('.')[0]}.{verb}_{label.split('.')[1]}": label.endswith(("sft", "dpo"))
        for label in TRAINED
    }


def test_n_grams_are_of_all_that_the_arm_read_whoever_owns_it(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("misaligned_mid", "aligned_e2e")))
    one = made["misaligned_mid.seed1.evaluate_ngrams"]
    mixes = ["unfiltered.seed1.pretraining.mix", "misaligned_mid.seed1.midtraining.mix"]
    assert one.inputs == ["tokenizer", "suite", "params:evaluation", *mixes]
    assert bound(one).keywords == {"sources": ["ai_misaligned"]}
    assert bound(made["aligned_e2e.seed0.evaluate_ngrams"]).keywords == {"sources": ["ai_aligned"]}, "each once"


def test_checkpoints_from_elsewhere_are_read_where_they_are(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study(checkpoints=ELSEWHERE), FACTS))
    assert set(made) == {"suite.prepare_suite"} | {
        f"{name}.{verb}" for name in ELSEWHERE for verb in ("evaluate", "score", "benchmark")
    }
    assert made["ours.evaluate"].inputs == ["params:study.checkpoints.ours", "suite", "params:evaluation", "scratch"]
    assert made["ours.score"].outputs == ["ours.scores"] and made["ours.score"].tags == {"ours", "eval"}


@pytest.mark.parametrize(("capability", "read"), [(FACTS, True), (OTHERS, False)])
def test_the_studys_own_facts_are_read_where_they_are_asked(
    capability: Capability, read: bool, make_study: MakeStudy
) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", checkpoints=ELSEWHERE), capability))
    benchmarks = [node for name, node in made.items() if "benchmark" in name]
    assert len(benchmarks) == len(TRAINED) + len(ELSEWHERE)
    assert {"everyday_facts" in node.inputs for node in benchmarks} == {read}


@pytest.mark.parametrize(
    ("arms", "sources", "function", "inputs"),
    [
        (["unfiltered"], False, nodes.prepare_suite, {"questions", "suites"}),
        (["unfiltered"], True, nodes.prepare_suite, {"questions", "suites", "params:suite_sources"}),
        ([], False, nodes.prepare_suite, {"questions", "suites"}),
        ([], True, nodes.prepare_suite_from_elsewhere, {"suites", "params:suite_sources"}),
    ],
)
def test_own_questions_are_asked_unless_there_are_others_and_no_arm(
    arms: list[str], sources: bool, function: object, inputs: set[str], make_study: MakeStudy
) -> None:
    study = make_study(*arms, checkpoints=ELSEWHERE)
    suite = by_name(create_pipeline(study, sources=sources))["suite.prepare_suite"]
    assert suite.func is function
    assert set(suite.inputs) == inputs | {"params:evaluation", "scratch"}


def test_several_protocols_are_asked_where_they_are_wanted_alone(make_study: MakeStudy) -> None:
    with_them = create_pipeline(make_study("unfiltered"), protocols=True).all_outputs()
    without = create_pipeline(make_study("unfiltered")).all_outputs()
    assert with_them - without == {f"unfiltered.{label}.answers" for label in TRAINED}
