"""The checkpoints that optional pipelines begin from."""

import pytest

from alignment_pretraining.core.labels import Label
from alignment_pretraining.pipelines.starts import Start, starts
from tests.pipelines.conftest import MakeStudy

ELSEWHERE = {"ours": {"folder": "ours", "chat": True}, "theirs": {"hub": "owner/it", "revision": "main"}}


def labels(found: list[Start]) -> list[str]:
    return [str(start.label) for start in found]


def test_the_last_post_trained_model_of_each_arm_and_seed_is_begun_from(make_study: MakeStudy) -> None:
    found = starts(make_study("unfiltered", "aligned_cpt"), None)
    assert labels(found) == ["unfiltered.seed0.dpo", "aligned_cpt.seed0.dpo"]
    assert all(start.chat and not start.elsewhere for start in found)


def test_base_models_are_there_where_they_are_asked_for(make_study: MakeStudy) -> None:
    found = starts(make_study("unfiltered", "aligned_cpt"), None, base=True)
    assert labels(found) == [
        "unfiltered.seed0.midtraining",
        "unfiltered.seed1.midtraining",
        "unfiltered.seed0.dpo",
        "aligned_cpt.seed0.cpt",
        "aligned_cpt.seed1.cpt",
        "aligned_cpt.seed0.dpo",
    ]
    assert [start.chat for start in found] == [False, False, True] * 2


def test_without_post_training_there_is_no_chat_model(make_study: MakeStudy) -> None:
    study = make_study("unfiltered", seeds={"base": [4], "post_training": []})
    assert starts(study, None) == []
    assert labels(starts(study, None, base=True)) == ["unfiltered.seed4.midtraining"]


@pytest.mark.parametrize(
    ("base", "names"), [(False, ["ours.seed0.chat"]), (True, ["ours.seed0.chat", "theirs.seed0.base"])]
)
def test_of_those_from_elsewhere_chat_models_come_and_base_models_where_asked_for(
    base: bool, names: list[str], make_study: MakeStudy
) -> None:
    found = starts(make_study(checkpoints=ELSEWHERE), None, base=base)
    assert labels(found) == names and all(start.elsewhere for start in found)


def test_those_that_are_named_come_alone(make_study: MakeStudy) -> None:
    study = make_study("unfiltered", "filtered", checkpoints=ELSEWHERE)
    assert labels(starts(study, ["filtered", "ours"])) == ["filtered.seed0.dpo", "ours.seed0.chat"]
    assert labels(starts(study, ["theirs"])) == [], "no chat model"
    assert starts(study, []) == []


def test_arms_that_share_a_model_begin_from_it_once(make_study: MakeStudy) -> None:
    twins = {name: {"corpus": "unfiltered"} for name in ("first", "second")}
    study = make_study("first", "second", arms=twins, headline=[])
    assert labels(starts(study, None)) == ["first.seed0.dpo"]
    assert labels(starts(study, ["second"])) == ["first.seed0.dpo"], "whoever owns it"


def test_a_checkpoint_of_the_study_is_a_dataset_and_one_from_elsewhere_a_parameter() -> None:
    own, other = Start(Label("a", 1, "dpo"), True), Start(Label("ours", 0, "chat"), True, elsewhere=True)
    assert (own.checkpoint, own.items) == ("a.seed1.dpo.checkpoint", "a.seed1.dpo.items")
    assert (other.checkpoint, other.items) == ("params:study.checkpoints.ours", "ours.items")
    assert str(own.made("tampered")) == "a.seed1.tampered"


def test_a_node_about_one_stands_in_its_namespace() -> None:
    made = Start(Label("a", 1, "dpo"), True).node(len, ["x"], "y", "count")
    assert (made.name, made.tags) == ("a.seed1.count", {"a", "seed1"})
