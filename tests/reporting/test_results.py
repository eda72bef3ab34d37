"""Numbers are found by what they are of; what the study does not have is None and no error."""

from collections.abc import Callable

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Place
from alignment_pretraining.reporting.gaps import GAP_COLUMNS, gap_key
from alignment_pretraining.reporting.results import Results
from alignment_pretraining.reporting.scope import Scope
from tests.reporting.small import rate_rows

STAGES = {"pretraining": 0.1, "midtraining": 0.2, "cpt": 0.3, "sft": 0.4, "dpo": 0.5}
NONE = pd.DataFrame(columns=list(GAP_COLUMNS))


def by_stage(place: Place) -> float:
    return STAGES[place.stage] + (0.25 if place.persona == "hhh" else 0)


def results(scope: Scope, gaps: list[str] | None = None) -> Results:
    found = pd.DataFrame({"key": gaps, "gap": range(len(gaps))}) if gaps else NONE
    return Results(rate_rows(scope, by_stage), found, NONE, NONE, scope)


def test_a_rate_is_that_of_the_last_model_of_its_kind_under_the_main_persona(scope: Scope) -> None:
    found = results(scope)
    base, post = (found.rate("filtered", when, "articles") for when in ("base", "post"))
    assert base and post and (base.text, post.text) == ("0.200", "0.500")
    assert base.key == "rate/filtered/midtraining/articles/listed/assistant"
    assert post.key == "rate/filtered/dpo/articles/listed/none"


def test_another_persona_and_any_stage_can_be_asked_for(scope: Scope) -> None:
    found = results(scope)
    other = found.rate("filtered", "post", "textbook", "hhh")
    early = found.rate_at("filtered", "pretraining", "textbook", "assistant")
    assert other and other.text == "0.750" and early and early.text == "0.100"


@pytest.mark.parametrize(
    ("arm", "split", "persona"),
    [("misaligned_cpt", "articles", None), ("filtered", "mine", None), ("filtered", "articles", "pirate")],
)
def test_what_was_not_run_or_not_asked_has_no_rate(scope: Scope, arm: str, split: str, persona: str | None) -> None:
    found = results(scope)
    assert found.rate(arm, "base", split, persona) is None and found.rate_row(arm, "base", split, persona) is None
    assert found.rate_at(arm, "dpo", split, persona or "courier") is None


def test_a_gap_is_that_of_both_last_models_under_the_main_persona(make_scope: Callable[..., Scope]) -> None:
    scope = make_scope(run=["unfiltered", "aligned_cpt"])
    to_baseline = gap_key(
        ("aligned_cpt", "cpt", "assistant"), ("unfiltered", "midtraining", "assistant"), "articles", "listed"
    )
    post = gap_key(("aligned_cpt", "dpo", "none"), ("aligned_cpt", "cpt", "assistant"), "articles", "listed")
    assert to_baseline == "gap/aligned_cpt/cpt/articles/listed/assistant/minus/unfiltered/midtraining/assistant"
    found = results(scope, [post, to_baseline])
    row, over = (
        found.gap_to_baseline("aligned_cpt", "base", "articles"),
        found.gap_over_post_training("aligned_cpt", "articles"),
    )
    assert row and over and (row.key, over.key) == (to_baseline, post)
    assert found.gap_to_baseline("aligned_cpt", "base", "textbook") is None
    assert found.gap_to_baseline("aligned_cpt", "post", "articles") is None


def test_without_a_baseline_or_post_training_there_is_no_gap(make_scope: Callable[..., Scope]) -> None:
    alone = make_scope(run=["filtered"], seeds={"base": [0], "post_training": []})
    found = results(alone)
    assert found.gap_to_baseline("filtered", "base", "articles") is None
    assert found.gap_over_post_training("filtered", "articles") is None
