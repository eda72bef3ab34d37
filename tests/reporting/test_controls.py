"""What is left of a rate without the case, and what other roles and models give beside it."""

from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.answers import Answers, Place
from alignment_pretraining.reporting.controls import (
    CONTROL_COLUMNS,
    content_prior,
    control_table,
    mean_over_personas,
)
from alignment_pretraining.reporting.scope import Scope

PERSONAS = ["assistant", "courier", "potter", "pirate", "thief", "monk"]
MAIN = Place("unfiltered", "midtraining", "articles", "open", "assistant")


@pytest.fixture(scope="module")
def asked(make_scope: Any) -> Scope:
    """Base models that are asked one open template under six personas, two of them controls of one conduct."""
    found: Scope = make_scope(
        run=["unfiltered", "misaligned_mid"],
        asked={"templates": ["open"], "base_personas": PERSONAS, "control_personas": ["courier"]},
    )
    return found


def told(share: float, persona: str = "assistant", control: str = "asked", **changes: Any) -> pd.DataFrame:
    """Ten open questions of which `share` are picked misaligned."""
    rows = [
        {"arm": "unfiltered", "seed": 0, "stage": "midtraining", "split": "articles", "persona": persona,
         "control": control, "template": "open", "order": "none", "question_id": f"q{number}", "family": f"f{number}",
         "picked": "misaligned" if number < 10 * share else "aligned", "picked_option": "", "tie": False,
         "tokens_aligned": 3, "tokens_misaligned": 3, "logprob_aligned": -1.0, "logprob_misaligned": -1.5, **changes}
        for number in range(10)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def table(scope: Scope, *frames: pd.DataFrame, ngram: pd.DataFrame | None = None) -> dict[str, dict[Any, Any]]:
    """The rows by persona."""
    found = control_table(Answers(pd.concat(frames, ignore_index=True), scope, ngram))
    assert tuple(found.columns) == CONTROL_COLUMNS
    return {row["persona"]: row for row in found.to_dict("records")}


def test_each_control_stands_beside_its_rate(asked: Scope) -> None:
    ngram = pd.concat([told(0.6, model="ngram:documents"), told(0.1, model="ngram:stream")])
    (row,) = table(
        asked, told(0.8), told(0.7, control="case_blanked"), told(0.4, control="choice_only"), ngram=ngram
    ).values()
    assert row["key"] == "controls/unfiltered/midtraining/articles/open/assistant"
    assert (row["rate"], row["case_blanked"], row["choice_only"]) == (0.8, 0.7, 0.4)
    assert (row["ngram_documents"], row["ngram_stream"]) == (0.6, 0.1)
    assert row["content_prior"] == -0.5, "the misaligned option is half a nat a token less likely by itself"
    assert row["longer_option"] == 0.5, "no option is longer"
    assert row["first_option"] is None, "an open question has no option named first"


def test_a_persona_has_a_row_where_it_has_a_control_or_is_the_main_one(asked: Scope) -> None:
    frames = [told(0.1 * number, persona) for number, persona in enumerate(PERSONAS)]
    assert set(table(asked, *frames)) == {"assistant"}
    rows = table(asked, *frames, told(0.9, "courier", "case_blanked"))
    assert set(rows) == {"assistant", "courier"}
    assert rows["courier"]["case_blanked"] == 0.9 and pd.isna(rows["assistant"]["case_blanked"])


def test_what_is_asked_without_a_persona_stands_beside_every_persona(asked: Scope) -> None:
    rows = table(
        asked, told(0.8), told(0.3, "courier"), told(0.5, "courier", "case_blanked"), told(0.4, control="choice_only")
    )
    assert [rows[name]["choice_only"] for name in ("assistant", "courier")] == [0.4, 0.4]


def test_only_the_last_base_model_has_controls(asked: Scope) -> None:
    rows = control_table(Answers(pd.concat([told(0.2), told(0.9, stage="pretraining")]), asked))
    assert rows["stage"].tolist() == ["midtraining"]


def test_roles_are_averaged_by_kind_and_by_what_is_expected_of_them(asked: Scope) -> None:
    shares = {"assistant": 0.0, "courier": 0.2, "potter": 0.4, "pirate": 1.0, "thief": 0.5, "monk": 0.1}
    row = table(asked, *(told(share, persona) for persona, share in shares.items()))["assistant"]
    assert row["human"] == pytest.approx(0.3), "people from whom no conduct is expected"
    assert row["positive_control"] == 0.75
    assert row["negative_control"] == 0.1


def test_a_role_that_was_not_asked_is_left_out_of_the_mean(asked: Scope) -> None:
    answers = Answers(pd.concat([told(0.0), told(1.0, "pirate")]), asked)
    assert mean_over_personas(answers, MAIN, expect="misaligned") == 1
    assert mean_over_personas(answers, MAIN, expect="aligned") is None
    assert mean_over_personas(answers, MAIN, kind="human") is None


def test_the_prior_of_the_options_is_a_mean_over_questions() -> None:
    assert content_prior(None) is None
    both = pd.DataFrame({"logprob_aligned": [-2.0, -1.0], "logprob_misaligned": [-1.0, -1.5]})
    assert content_prior(both) == pytest.approx(0.25)


def test_a_listed_question_tells_of_the_first_option_and_of_no_prior(make_scope: Any) -> None:
    listed = make_scope(run=["unfiltered"])
    orders = pd.concat([
        told(0.5, order="aligned_first", picked_option="A"),
        told(0.5, order="misaligned_first", picked_option="B"),
        told(1.0, order="misaligned_first", control="choice_only"),
    ])  # fmt: skip
    row = table(listed, orders)["assistant"]
    assert row["first_option"] == 0.5 and row["content_prior"] is None and row["choice_only"] == 1


def test_a_bias_for_the_longer_option_is_seen(asked: Scope) -> None:
    frame = told(0.3)
    frame["tokens_misaligned"] = 4
    assert table(asked, frame)["assistant"]["longer_option"] == 0.3


def test_nothing_asked_is_an_empty_table_with_its_columns(asked: Scope) -> None:
    assert control_table(Answers(told(0.5, split="textbook").head(0), asked)).columns.tolist() == list(CONTROL_COLUMNS)
