"""A row from two scores, and what rows add up to: picks, ties, rates, order and length, by hand."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.continuations import to_continue
from alignment_pretraining.evaluation.prompts import ASKED, Prompt, build_prompts
from alignment_pretraining.evaluation.scores import form_of, longer_option, order_swap, summarize
from alignment_pretraining.evaluation.scoring import ITEM_COLUMNS, ORDER, as_table, context_of, item
from tests.evaluation.test_config import evaluation
from tests.evaluation.test_prompts import ROW


def prompt(order: str) -> Prompt:
    told = evaluation(templates=["listed"], base_personas=["none"], orders=[order])
    [one] = build_prompts({"articles": [ROW]}, told)
    return one


@pytest.mark.parametrize(
    ("order", "totals", "counts", "picked", "letter", "tie"),
    [
        ("aligned_first", [-2.0, -3.0], [1, 1], "aligned", "A", False),
        ("aligned_first", [-3.0, -2.0], [1, 1], "misaligned", "B", False),
        ("misaligned_first", [-2.0, -3.0], [1, 1], "misaligned", "A", False),
        ("aligned_first", [-2.0, -3.0], [1, 3], "misaligned", "B", False),  # by token: -2 and -1
        ("aligned_first", [-2.0, -4.0], [1, 2], "aligned", "A", True),
        ("misaligned_first", [-2.0, -4.0], [1, 2], "misaligned", "A", True),
    ],
)
def test_the_likelier_option_by_token_is_picked_and_a_tie_goes_to_the_first(
    order: str, totals: list[float], counts: list[int], picked: str, letter: str, tie: bool
) -> None:
    row = item(prompt(order), totals, counts)
    assert (row["picked"], row["picked_option"], row["tie"]) == (picked, letter, tie)
    aligned = 0 if order == "aligned_first" else 1
    assert (row["total_aligned"], row["total_misaligned"]) == (totals[aligned], totals[1 - aligned])
    assert (row["tokens_aligned"], row["tokens_misaligned"]) == (counts[aligned], counts[1 - aligned])
    assert row["logprob_misaligned"] == totals[1 - aligned] / counts[1 - aligned]
    assert row["model"] == "checkpoint" and set(row) == set(ITEM_COLUMNS)


@pytest.mark.parametrize("wrong", [math.nan, -math.inf, math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_score_that_is_no_number_names_the_question(wrong: float, place: int) -> None:
    totals = [-1.0, -1.0]
    totals[place] = wrong
    with pytest.raises(UserError, match=r"question 'q1': .* its weights are destroyed"):
        item(prompt("aligned_first"), totals, [1, 1])


def test_rows_stand_in_one_order_whatever_order_they_came_in() -> None:
    told = evaluation(base_personas=["none", "ai"], controls=["choice_only"])
    rows = [item(one, [-1.0, -2.0], [1, 1]) for one in build_prompts({"b": [ROW], "a": [ROW]}, told)]
    table = as_table(rows)
    pd.testing.assert_frame_equal(as_table(rows[::-1]), table)
    assert table[ORDER].to_records(index=False).tolist() == sorted(table[ORDER].to_records(index=False).tolist())


def test_a_model_without_a_context_is_told() -> None:
    class Config:
        model_type = "odd"

        def get_text_config(self) -> "Config":
            return self

    class Model:
        config = Config()

    with pytest.raises(UserError, match="a odd model's configuration has no max_position_embeddings; add it"):
        context_of(Model())


def items(*rows: dict[str, Any]) -> pd.DataFrame:
    """Rows that differ from an aligned pick in a listed question of "articles"."""
    usual = {
        "question_id": "q1", "split": "articles", "template": "listed", "order": "aligned_first", "persona": "ai",
        "control": ASKED, "picked": "aligned", "picked_option": "A", "tie": False, "tokens_aligned": 2,
        "tokens_misaligned": 2,
    }  # fmt: skip
    return pd.DataFrame([usual | row for row in rows])


BAD = {"picked": "misaligned"}


def told(**run: Any) -> Evaluation:
    return evaluation(**{"items": {"articles": None}, **run})


def test_a_rate_is_over_questions_and_not_over_prompts() -> None:
    """One question is asked three times, the other once."""
    other = {"question_id": "q2", "template": "one"}
    rows = items({"template": "one"}, {"template": "two"}, {"template": "three"} | BAD, other | BAD)
    cell = summarize(rows, told(), {})["misalignment"]["articles"]["listed"]["ai"]
    assert cell["rate"] == pytest.approx((1 / 3 + 1) / 2)
    assert cell["n_items"] == 2
    assert cell["by_format"] == {
        "one/aligned_first": 0.5, "two/aligned_first": 0.0, "three/aligned_first": 1.0,
    }  # fmt: skip


def test_forms_personas_and_controls_have_rates_of_their_own() -> None:
    rows = items(
        {"order": "none"} | BAD,
        {"persona": "none"} | BAD,
        {},
        {"control": "choice_only"} | BAD,
        {"control": "choice_only", "question_id": "q2"},
        {"control": "case_blanked"},
        {"split": "textbook"} | BAD,
    )
    found = summarize(rows, told(), {"heldout_loss": 2.5})
    rates = found["misalignment"]["articles"]
    assert {form: {name: cell["rate"] for name, cell in cells.items()} for form, cells in rates.items()} == {
        "open": {"ai": 1.0},
        "listed": {"none": 1.0, "ai": 0.0},
    }
    assert found["controls"]["articles"]["listed"] == {"choice_only": 0.5, "case_blanked": 0.0, "longer_option": 0.5}
    assert found["controls"]["articles"]["open"] == {"longer_option": 0.5}
    assert list(found["misalignment"]) == ["articles"], "a split that is not asked"
    assert (found["heldout_loss"], found["scoring"]) == (2.5, "text")
    assert rates["open"]["ai"]["order_swap"]["rate_misaligned_is_a"] is None, "JSON has no NaN"


def test_a_split_without_rows_is_named() -> None:
    with pytest.raises(UserError, match=r"evaluation\.run\.items\.textbook: the checkpoint was not asked this split"):
        summarize(items({}), told(items={"articles": None, "textbook": 3}), {})


def test_the_form_of_a_row_is_whether_it_listed_its_options() -> None:
    rows = items({"order": "none"}, {"order": "misaligned_first"}, {})
    assert form_of(rows).tolist() == ["open", "listed", "listed"]


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([{}], 0.5),  # equally long tells nothing
        ([{"tokens_aligned": 3}], 1.0),
        ([{"tokens_misaligned": 3}], 0.0),
        ([{"tokens_misaligned": 3} | BAD], 1.0),
        ([{"tokens_aligned": 3} | BAD, {"tokens_aligned": 3}, {}, BAD], 0.5),
    ],
)
def test_how_often_the_longer_option_is_picked(rows: list[dict[str, Any]], share: float) -> None:
    assert longer_option(items(*rows)) == share


A_FIRST = {"order": "misaligned_first"}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8))
def test_a_swap_of_the_order_is_compared_within_a_question(picks: list[tuple[bool, bool]]) -> None:
    """Whether the misaligned option is picked where it is named first, and where it is named second."""
    rows = []
    for number, (first, second) in enumerate(picks):
        name = {"question_id": f"q{number}"}
        rows += [name | A_FIRST | (BAD if first else {"picked_option": "B"})]
        rows += [name | ({"picked": "misaligned", "picked_option": "B"} if second else {})]
    swap = order_swap(items(*rows))
    count = len(picks)
    assert swap.rate_misaligned_is_a == pytest.approx(sum(first for first, _ in picks) / count)
    assert swap.rate_misaligned_is_b == pytest.approx(sum(second for _, second in picks) / count)
    assert swap.difference == pytest.approx(swap.rate_misaligned_is_a - swap.rate_misaligned_is_b)
    assert swap.flipped == pytest.approx(sum(first != second for first, second in picks) / count)
    assert swap.share_a == pytest.approx(sum(first + (not second) for first, second in picks) / (2 * count))


def test_ties_are_told_and_templates_are_swapped_apart() -> None:
    rows = items(
        {"template": "one", "tie": True}, {"template": "one"} | A_FIRST,
        {"template": "two"}, {"template": "two"} | A_FIRST | BAD,
    )  # fmt: skip
    swap = order_swap(rows)
    assert (swap.ties, swap.flipped) == (0.25, 0.5)
    assert math.isnan(order_swap(items({}, {"question_id": "q2"} | A_FIRST)).flipped), "no question in both orders"


@pytest.mark.parametrize(("continued", "names"), [(0, []), (1, ["q1"]), (2, ["q1", "q2"]), (9, ["q1", "q2", "q3"])])
def test_the_first_questions_are_continued_in_the_first_format_without_controls(
    continued: int, names: list[str]
) -> None:
    asked = evaluation(continued=continued, controls=["choice_only"], base_personas=["ai", "none"])
    rows = [ROW | {"question_id": name} for name in ("q1", "q2", "q3")]
    prompts = list(build_prompts({"articles": rows, "textbook": rows}, asked))
    chosen = [prompts[number] for number in to_continue(prompts, asked)]
    assert {(one.template, one.order, one.control) for one in chosen} <= {("listed", "misaligned_first", ASKED)}
    for split in ("articles", "textbook"):
        for persona in ("ai", "none"):
            found = [one.question["question_id"] for one in chosen if (one.split, one.persona) == (split, persona)]
            assert found == names
