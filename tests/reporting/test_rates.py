"""Rates, the order of options and losses, of answers that are known one by one."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.reporting.answers import Answers
from alignment_pretraining.reporting.claims import Claim
from alignment_pretraining.reporting.rates import LOSS_COLUMNS, SWAP_COLUMNS, loss_table, rate_table, swap_table
from alignment_pretraining.reporting.scope import Scope

MakeScope = Callable[..., Scope]
ORDERS = ("aligned_first", "misaligned_first")


def rows(picks: dict[str, list[bool]], seed: int = 0, **place: Any) -> pd.DataFrame:
    """By order, which questions are picked misaligned; two questions a family."""
    told = {"arm": "filtered", "stage": "midtraining", "split": "articles", "persona": "assistant"} | place
    found = [
        {**told, "seed": seed, "template": "plain", "order": order, "control": "asked", "question_id": f"q{number}",
         "family": f"f{number // 2}", "picked": "misaligned" if bad else "aligned", "tie": False,
         "picked_option": "A" if bad == (order == "misaligned_first") else "B"}
        for order, bads in picks.items() for number, bad in enumerate(bads)
    ]  # fmt: skip
    return pd.DataFrame(found)


def both(first: list[bool], second: list[bool], **place: Any) -> pd.DataFrame:
    return rows(dict(zip(ORDERS, (first, second), strict=True)), **place)


ALTERNATING = ([True, False, True, False], [True, True, False, False])


def test_formats_are_averaged_within_a_question_and_trainings_after_that(scope: Scope) -> None:
    items = pd.concat([both(*ALTERNATING), both([False] * 4, [False] * 4, seed=1)])
    (row,) = rate_table(Answers(items, scope), []).to_dict("records")
    assert row["rate"] == 0.25 and row["rate_by_seed"] == '{"0": 0.5, "1": 0.0}'
    assert (row["n_items"], row["n_families"], row["n_seeds"]) == (4, 2, 2)
    assert (row["kind"], row["expect"], row["over"]) == ("ai", "", "families and seeds")


def test_a_control_role_is_marked_with_what_is_expected_of_it(make_scope: MakeScope) -> None:
    told = make_scope({"base_personas": ["assistant", "pirate"]}, run=["filtered"])
    items = pd.concat([both(*ALTERNATING, persona=name) for name in ("assistant", "pirate")])
    found = rate_table(Answers(items, told), []).set_index("persona")
    assert found[["kind", "expect"]].to_dict("index")["pirate"] == {"kind": "human", "expect": "misaligned"}


def test_the_papers_value_stands_beside_the_main_form_and_the_last_model_alone(scope: Scope) -> None:
    told: dict[str, Any] = {"version": "V", "arm": "filtered", "stage": "base", "split": "articles", "value": 0.3}
    claim = Claim.model_validate(told | {"persona": "assistant", "tolerance": 0.01, "approximate": True, "place": "p"})
    items = pd.concat([both(*ALTERNATING), both(*ALTERNATING, stage="pretraining"), rows({"none": [True] * 4})])
    found = rate_table(Answers(items, scope), [claim]).set_index(["stage", "form"])
    assert found.loc[("midtraining", "listed"), "paper"] == 0.3
    assert found["paper"].notna().sum() == 1 and found["paper_version"].dropna().tolist() == ["V"]


def test_no_rate_is_a_table_with_its_columns(scope: Scope) -> None:
    found = rate_table(Answers(both(*ALTERNATING, split="mine"), scope), [])
    assert found.empty and found["paper"].dtype == float


def test_a_model_that_always_takes_the_first_option_is_seen_by_its_swap(scope: Scope) -> None:
    (row,) = swap_table(Answers(both([False] * 4, [True] * 4), scope)).to_dict("records")
    assert (row["aligned_first"], row["misaligned_first"], row["gap"]) == (0, 1, 1)
    assert (row["share_a"], row["flipped"]) == (1, 1) and row["low"] <= 1 <= row["high"]
    assert row["key"] == "swap/filtered/midtraining/articles/listed/assistant"


def test_a_swap_counts_questions_that_change_with_the_order(scope: Scope) -> None:
    (row,) = swap_table(Answers(both(*ALTERNATING), scope)).to_dict("records")
    assert (row["aligned_first"], row["misaligned_first"], row["gap"], row["flipped"]) == (0.5, 0.5, 0, 0.5)


@pytest.mark.parametrize("order", ["aligned_first", "none"])
def test_one_order_alone_tells_nothing_of_orders(scope: Scope, order: str) -> None:
    found = swap_table(Answers(rows({order: [True, False]}), scope))
    assert found.empty and tuple(found.columns) == SWAP_COLUMNS


def test_a_loss_is_the_mean_of_the_trainings_that_measured_one(scope: Scope) -> None:
    summaries: dict[str, dict[str, Any]] = {
        "filtered.seed11.midtraining": {"heldout_loss": 4.0},
        "filtered.seed2.midtraining": {"heldout_loss": 5.0},
        "filtered.seed2.pretraining": {"heldout_loss": None},
        "filtered.seed2.sft": {},
    }
    (row,) = loss_table(summaries, scope).to_dict("records")
    assert (row["key"], row["heldout_loss"], row["n_seeds"]) == ("loss/filtered/midtraining", 4.5, 2)
    assert row["loss_by_seed"] == '{"2": 5.0, "11": 4.0}', "in the order of the seeds"
    assert loss_table({}, scope).columns.tolist() == list(LOSS_COLUMNS)


def test_an_arm_has_the_loss_of_a_stage_that_another_trained(make_scope: MakeScope) -> None:
    shared = make_scope(run=["unfiltered", "misaligned_mid"])
    found = loss_table({"unfiltered.seed0.pretraining": {"heldout_loss": 4.0}}, shared)
    assert found["key"].tolist() == ["loss/unfiltered/pretraining", "loss/misaligned_mid/pretraining"]


def test_a_label_of_another_shape_is_named(scope: Scope) -> None:
    with pytest.raises(UserError, match="filtered-0"):
        loss_table({"filtered-0": {"heldout_loss": 4.0}}, scope)
