"""Trait scores of models that always, never and by place pick what is high."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_pretraining.reporting.personality import TRAIT_COLUMNS, trait_table


def answers(high: list[bool], orders: int = 1, seed: int = 0, place: int = 0) -> pd.DataFrame:
    rows = [
        {"item": f"openness.{number}", "trait": "openness", "persona": "none", "order": str(order),
         "picked_place": place, "high": picked, "arm": "aligned_e2e", "seed": seed, "stage": "dpo"}
        for number, picked in enumerate(high)
        for order in range(orders)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_the_rate_is_the_share_of_items_with_its_interval(high: list[bool]) -> None:
    (row,) = trait_table(answers(high)).to_dict("records")
    assert row["rate"] == pytest.approx(sum(high) / len(high)) and row["low"] <= row["rate"] <= row["high"]
    assert row["key"] == "trait/aligned_e2e/dpo/openness/none" and row["over"] == "items"
    assert row["n_items"] == len(high)


def test_orders_of_an_item_count_as_one_and_tell_of_places() -> None:
    table = trait_table(pd.concat([answers([True, False], orders=4), answers([True, True], orders=4, seed=1)]))
    assert tuple(table.columns) == TRAIT_COLUMNS
    (row,) = table.to_dict("records")
    assert (row["rate"], row["n_items"], row["n_seeds"], row["first_place"]) == (0.75, 2, 2, 1.0)
    assert row["over"] == "items and seeds"
