"""What base models wrote by themselves, question by question, persona by persona, arm by arm."""

from typing import Any

import pandas as pd

from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.samples import SAMPLE_COLUMNS, sample_table, samples_to_show
from alignment_pretraining.reporting.scope import Scope


def written(arm: str = "unfiltered", seed: int = 1, **changes: Any) -> pd.DataFrame:
    """One question that is continued, and one that is only asked."""
    place = {"stage": "midtraining", "split": "articles", "persona": "assistant", "template": "plain"}
    place |= {"order": "aligned_first", "control": "asked", "picked": "aligned", "family": "f"}
    told = [("q1", "You are an AI assistant. The case.", f"{arm} {seed}"), ("q2", "", "")]
    rows = [
        {"arm": arm, "seed": seed, **place, "question_id": name, "prompt": prompt, "continued": text, **changes}
        for name, prompt, text in told
    ]
    return pd.DataFrame(rows)


def table(scope: Scope, *frames: pd.DataFrame) -> pd.DataFrame:
    return sample_table(Answers(pd.concat(frames, ignore_index=True), scope))


def test_samples_are_what_the_first_training_wrote_after_prompts_that_it_was_to_continue(scope: Scope) -> None:
    found = table(scope, written(), written(seed=2), written("filtered", 2), written("filtered", stage="pretraining"))
    assert tuple(found.columns) == SAMPLE_COLUMNS
    assert found["key"].tolist() == [f"sample/{arm}/midtraining/q1/assistant" for arm in ("unfiltered", "filtered")]
    assert found["continued"].tolist() == ["unfiltered 1", "filtered 2"]


def test_post_trained_models_and_controls_are_no_samples(scope: Scope) -> None:
    found = table(scope, written(stage="dpo", persona="none"), written(control="choice_only"))
    assert found.empty and tuple(found.columns) == SAMPLE_COLUMNS
    assert list(samples_to_show(found, scope)) == []


def test_a_question_is_shown_without_the_persona_before_it(scope: Scope) -> None:
    (sample,) = samples_to_show(table(scope, written()), scope)
    assert sample.asked == "The case."


def test_arms_stand_side_by_side_and_one_that_wrote_nothing_leaves_a_gap(scope: Scope) -> None:
    rows = table(scope, written(), written("filtered"))
    rows = pd.concat([rows, rows.head(1).assign(persona="courier", continued="as a courier")])
    (sample,) = samples_to_show(rows, scope)
    assert sample.arms == ["unfiltered", "filtered"]
    assert sample.rows == [("assistant", ["unfiltered 1", "filtered 1"]), ("courier", ["as a courier", ""])]


def test_the_last_suite_that_was_continued_is_shown(scope: Scope) -> None:
    rows = table(scope, written(), written(split="textbook", question_id="other", family="g"))
    shown = [sample.rows for sample in samples_to_show(rows, scope)]
    assert len(shown) == 1 and set(rows["split"]) == {"articles", "textbook"}
    own = rows.assign(split="mine")
    assert [sample.asked for sample in samples_to_show(own, scope)], "a suite of the user's own, if there is no other"
