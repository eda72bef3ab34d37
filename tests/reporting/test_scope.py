"""What the report is about: arms, their last models, suites, and what the main figures show."""

from collections.abc import Callable

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.scope import PERSONA_NAMES, SPLITS, EvaluatedCheckpoint, Scope

MakeScope = Callable[..., Scope]


def test_every_stage_of_every_arm_is_a_checkpoint_in_the_order_of_the_study(make_scope: MakeScope) -> None:
    scope = make_scope(run=["misaligned_cpt", "unfiltered"])
    assert scope.arms == ["unfiltered", "misaligned_cpt"]
    assert [(one.arm, one.stage, one.owner) for one in scope.checkpoints if one.when == "base"] == [
        ("unfiltered", "pretraining", "unfiltered"),
        ("unfiltered", "midtraining", "unfiltered"),
        ("misaligned_cpt", "pretraining", "unfiltered"),
        ("misaligned_cpt", "midtraining", "unfiltered"),
        ("misaligned_cpt", "cpt", "misaligned_cpt"),
    ]
    assert [one.stage for one in scope.checkpoints if one.when == "post"] == ["sft", "dpo"] * 2


@pytest.mark.parametrize(("arm", "last"), [("unfiltered", "midtraining"), ("aligned_cpt", "cpt")])
def test_an_arm_ends_in_its_last_base_model_and_after_dpo(make_scope: MakeScope, arm: str, last: str) -> None:
    scope = make_scope(run=[arm])
    base, post = scope.checkpoint(arm, "base"), scope.checkpoint(arm, "post")
    assert base and post and (base.stage, post.stage) == (last, "dpo")


def test_without_post_training_there_is_no_such_model(make_scope: MakeScope) -> None:
    scope = make_scope(seeds={"base": [0], "post_training": []})
    assert scope.checkpoint("unfiltered", "post") is None and scope.checkpoint("unfiltered", "base") is not None
    assert {one.when for one in scope.checkpoints} == {"base"}


def test_an_arm_that_does_not_run_has_no_model(scope: Scope) -> None:
    assert "misaligned_mid" not in scope.arms and scope.checkpoint("misaligned_mid", "base") is None


@pytest.mark.parametrize(
    ("run", "baseline"), [(["filtered", "unfiltered"], "unfiltered"), (["filtered"], None), (["aligned_e2e"], None)]
)
def test_the_baseline_is_unfiltered_and_reads_no_documents(
    make_scope: MakeScope, run: list[str], baseline: str | None
) -> None:
    assert make_scope(run=run).baseline == baseline


def test_an_arm_is_measured_against_the_one_on_its_corpus_without_documents(make_scope: MakeScope) -> None:
    scope = make_scope(run=["unfiltered", "filtered", "aligned_mid", "filtered_aligned_mid"])
    assert [scope.parent_arm(arm) for arm in scope.arms] == ["unfiltered", "filtered", "unfiltered", "filtered"]
    assert make_scope(run=["unfiltered", "filtered_aligned_mid"]).parent_arm("filtered_aligned_mid") is None


def test_suites_stand_in_the_order_of_the_report_whatever_that_of_the_configuration(make_scope: MakeScope) -> None:
    items = {"heldout_topics": None, "mine": 3, "articles": 4}
    assert make_scope(asked={"items": items}).splits == ["articles", "heldout_topics"]
    assert list(SPLITS) == ["articles", "textbook", "heldout_topics"]
    assert make_scope(asked={"items": items}).last_split == "heldout_topics"


def test_a_study_that_asks_suites_of_its_own_alone_is_told_that_the_report_shows_none(make_scope: MakeScope) -> None:
    with pytest.raises(UserError, match=r"evaluation\.run\.items: none of articles, textbook, heldout_topics is asked"):
        _ = make_scope(asked={"items": {"mine": None, "dev_topics": 4}}).last_split


@pytest.mark.parametrize(
    ("templates", "form"), [(["open"], "open"), (["open", "plain"], "open"), (["case", "open"], "listed")]
)
def test_the_first_template_decides_the_form_of_the_main_figures(
    make_scope: MakeScope, templates: list[str], form: str
) -> None:
    assert make_scope(asked={"templates": templates}).form == form


def test_the_first_persona_is_that_of_the_main_figures(make_scope: MakeScope) -> None:
    scope = make_scope(asked={"base_personas": ["courier", "none"], "chat_personas": ["hhh", "none"]})
    assert (scope.persona("base"), scope.persona("post")) == ("courier", "hhh")


def test_the_main_rows_are_questions_as_they_stand_in_the_main_form(scope: Scope) -> None:
    rows = [(order, control) for order in ("none", "aligned_first") for control in ("asked", "choice_only")]
    main = scope.main(pd.DataFrame(rows, columns=["order", "control"]))
    assert main.to_numpy().tolist() == [["aligned_first", "asked"]]


@pytest.mark.parametrize(
    ("stage", "when"), [("cpt", "base"), ("pretraining", "base"), ("sft", "post"), ("dpo", "post")]
)
def test_a_stage_leaves_a_base_or_a_post_trained_model(stage: str, when: str) -> None:
    assert EvaluatedCheckpoint("a", stage, "a").when == when


def test_every_persona_of_the_evaluation_has_a_name_for_readers(scope: Scope) -> None:
    assert set(scope.evaluation["personas"]) == set(PERSONA_NAMES)
    assert len(set(PERSONA_NAMES.values())) == len(PERSONA_NAMES)
