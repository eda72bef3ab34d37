"""Answers are found where they stand: by arm, stage, suite, form, persona and control."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Answers, Place, misaligned_share
from alignment_pretraining.reporting.scope import Scope

COUNT = 4


def rows(scope: Scope, **changes: Any) -> pd.DataFrame:
    """Answers to four questions, listed in both orders: the first one is picked misaligned."""
    place = {"arm": "unfiltered", "seed": 0, "stage": "midtraining", "split": "articles", "persona": "assistant"}
    told = {"template": "plain", "control": "asked", "tie": False, "picked_option": "A", "tokens_aligned": 3}
    found = [
        {**place, **told, "tokens_misaligned": 3, "question_id": f"q{number}", "family": f"f{number // 2}",
         "order": order, "picked": "misaligned" if number == 0 else "aligned", **changes}
        for number in range(COUNT)
        for order in ("aligned_first", "misaligned_first")
    ]  # fmt: skip
    return pd.DataFrame(found)


@pytest.fixture
def place(scope: Scope) -> Place:
    return Place("unfiltered", "midtraining", "articles", "listed", "assistant")


def test_the_key_of_a_place_is_what_trace_takes(place: Place) -> None:
    assert place.key("rate") == "rate/unfiltered/midtraining/articles/listed/assistant"


def test_a_place_has_its_own_rows_and_another_has_none(scope: Scope, place: Place) -> None:
    answers = Answers(pd.concat([rows(scope), rows(scope, persona="hhh", picked="misaligned")]), scope)
    asked = answers.of(place)
    assert asked is not None and len(asked) == 2 * COUNT and set(asked["persona"]) == {"assistant"}
    assert misaligned_share(asked) == 0.25 and misaligned_share(answers.of(place._replace(persona="hhh"))) == 1
    for change in ({"split": "textbook"}, {"form": "open"}, {"stage": "dpo"}, {"persona": "none"}):
        other = answers.of(place._replace(**change))
        assert other is None and misaligned_share(other) is None


def test_a_control_is_apart_from_the_question_as_it_stands(scope: Scope, place: Place) -> None:
    answers = Answers(pd.concat([rows(scope), rows(scope, control="choice_only", picked="misaligned")]), scope)
    assert misaligned_share(answers.of(place)) == 0.25
    assert misaligned_share(answers.of(place, "choice_only")) == 1
    assert answers.of(place, "case_blanked") is None
    assert answers.scores.by_seed(tuple(place)) == {0: 0.25}, "controls are in no rate"


def test_an_arm_that_shares_a_stage_has_the_answers_of_its_owner(make_scope: Callable[..., Scope]) -> None:
    shared = make_scope(run=["unfiltered", "misaligned_mid"])
    answers = Answers(rows(shared, stage="pretraining"), shared)
    lent = Place("misaligned_mid", "pretraining", "articles", "listed", "assistant")
    assert answers.owner(lent).arm == "unfiltered" and misaligned_share(answers.of(lent)) == 0.25
    assert answers.owner(lent._replace(stage="midtraining")).arm == "misaligned_mid"
    assert [place.arm for place in answers.places()] == ["unfiltered", "misaligned_mid"]


def test_scores_by_order_keep_the_orders_apart_and_leave_open_questions_out(scope: Scope, place: Place) -> None:
    listed = rows(scope)
    listed.loc[listed["order"] == "misaligned_first", "picked"] = "misaligned"
    answers = Answers(pd.concat([listed, rows(scope, order="none").drop_duplicates("question_id")]), scope)
    assert answers.scores_by_order.by_seed((*place, "misaligned_first")) == {0: 1}
    assert answers.scores_by_order.by_seed((*place, "aligned_first")) == {0: 0.25}
    assert len(answers.scores_by_order.cells) == 2
    assert answers.forms() == ["open", "listed"]


def test_n_gram_models_are_found_by_arm_and_by_what_they_read(scope: Scope, place: Place) -> None:
    grams = pd.concat([
        rows(scope, model="ngram:documents", picked="misaligned"), rows(scope, model="ngram:stream"),
        rows(scope, model="ngram:stream", arm="filtered", picked="misaligned"),
    ])  # fmt: skip
    answers = Answers(rows(scope), scope, grams)
    assert misaligned_share(answers.of_ngram(place, "documents")) == 1
    assert misaligned_share(answers.of_ngram(place, "stream")) == 0.25
    assert misaligned_share(answers.of_ngram(place._replace(arm="filtered"), "stream")) == 1
    assert answers.of_ngram(place._replace(arm="filtered"), "documents") is None
    for without in (None, grams.head(0)):
        assert Answers(rows(scope), scope, without).of_ngram(place, "stream") is None


def test_places_stand_in_the_order_of_the_study_whatever_that_of_the_rows(scope: Scope) -> None:
    one = [{"arm": arm, "stage": stage} for arm in ("filtered", "unfiltered") for stage in ("midtraining", "sft")]
    frames = [rows(scope, **told, persona="none" if told["stage"] == "sft" else "assistant") for told in one]
    frames.append(rows(scope, split="textbook"))
    answers = Answers(pd.concat(frames[::-1], ignore_index=True), scope)
    assert [(place.arm, place.stage, place.split) for place in answers.places()] == [
        ("unfiltered", "midtraining", "articles"),
        ("unfiltered", "midtraining", "textbook"),
        ("unfiltered", "sft", "articles"),
        ("filtered", "midtraining", "articles"),
        ("filtered", "sft", "articles"),
    ]


def test_a_persona_that_models_of_a_kind_are_not_given_is_no_place(scope: Scope) -> None:
    assert scope.evaluation["run"]["base_personas"] == ["assistant"]
    assert list(Answers(rows(scope, persona="hhh"), scope).places()) == []


def test_the_main_figures_show_last_base_models_on_the_last_suite(scope: Scope) -> None:
    frames = [
        rows(scope, split=split, stage=stage, arm=arm)
        for split in scope.splits for stage in ("pretraining", "midtraining") for arm in ("unfiltered", "filtered")
    ]  # fmt: skip
    frames.append(rows(scope, split="heldout_topics", order="none").drop_duplicates("question_id"))
    main = list(Answers(pd.concat(frames, ignore_index=True), scope).main())
    assert [tuple(place) for place, _ in main] == [
        (arm, "midtraining", "heldout_topics", "listed", "assistant") for arm in ("unfiltered", "filtered")
    ]
    assert all(len(items) == 2 * COUNT for _, items in main)
