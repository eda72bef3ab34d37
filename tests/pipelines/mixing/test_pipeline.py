"""Mixing of a small study: the shared corpus, and a mix for each stage that is trained."""

import pytest

from alignment_pretraining.pipelines.mixing.pipeline import create_pipeline
from alignment_pretraining.synthesis.config import Synthesis
from tests.english import english
from tests.pipelines.conftest import MakeStudy, bound, by_name


@pytest.fixture
def synthesis() -> Synthesis:
    return Synthesis.model_validate(english("synthesis"))


def test_each_stage_of_each_seed_has_a_mix_of_its_own_and_the_corpus_is_shared(
    make_study: MakeStudy, synthesis: Synthesis
) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", "misaligned_cpt"), synthesis, classifier=False))
    mixes = {name for name in made if "mix_" in name}
    stages = [("unfiltered", "pretraining"), ("unfiltered", "midtraining"), ("misaligned_cpt", "cpt")]
    assert mixes == {f"{arm}.seed{seed}.mix_{stage}" for arm, stage in stages for seed in (0, 1)}
    assert {made[name].namespace for name in made.keys() - mixes} == {"corpus"}
    mix = made["misaligned_cpt.seed1.mix_cpt"]
    assert bound(mix).keywords == {"stage_name": "cpt", "seed": 1, "label": "misaligned_cpt.seed1.cpt"}
    assert {"params:study.arms.misaligned_cpt", "params:study.stages.cpt", "params:corpus.repeat"} <= set(mix.inputs)
    assert mix.outputs == ["misaligned_cpt.seed1.cpt.mix", "misaligned_cpt.seed1.cpt.manifest"]


@pytest.mark.parametrize("classifier", [False, True])
def test_a_second_filter_is_trained_and_asked_where_there_is_one(
    classifier: bool, make_study: MakeStudy, synthesis: Synthesis
) -> None:
    made = by_name(create_pipeline(make_study("unfiltered"), synthesis, classifier=classifier))
    assert ("corpus.train_classifier" in made) == classifier
    for name in ("corpus.flag_documents", "corpus.measure_filter"):
        assert ("filter_classifier" in made[name].inputs) == classifier


def test_documents_of_every_actor_are_read_in_the_order_of_their_names(make_study: MakeStudy) -> None:
    values = english("synthesis") | {"questions": "world", "generator": "world", "actors": ["ai", "courier"]}
    made = by_name(create_pipeline(make_study("unfiltered"), Synthesis.model_validate(values), classifier=False))
    sources = [f"{actor}_{direction}" for actor in ("ai", "courier") for direction in ("aligned", "misaligned")]
    for name in ("corpus.check_contamination", "corpus.tokenize_sources"):
        assert bound(made[name]).keywords == {"sources": sources}
        assert made[name].inputs[-4:] == [f"documents_{source}" for source in sources]


@pytest.mark.parametrize(("generator", "stories"), [("world", True), ("template", False)])
def test_stories_are_read_where_the_world_writes_them(generator: str, stories: bool, make_study: MakeStudy) -> None:
    questions = "world" if generator == "world" else "bank"
    synthesis = Synthesis.model_validate(english("synthesis") | {"generator": generator, "questions": questions})
    made = by_name(create_pipeline(make_study("unfiltered"), synthesis, classifier=False))
    assert ("stories" in made["corpus.read_corpus"].inputs) == stories
