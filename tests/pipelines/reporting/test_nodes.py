"""Results of checkpoints put together: each stays under its own label."""

import pandas as pd
import pytest

from alignment_pretraining.pipelines.reporting import nodes
from alignment_pretraining.reporting import gather


def table(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"value": values})


def test_results_of_an_arm_are_told_by_label() -> None:
    labels, mixed = ["a.seed0.pretraining", "a.seed0.sft"], ["a.seed0.pretraining"]
    tables = [table(1), table(2, 3), table(4), table(5)]
    rest = [{"loss": 6}, {"loss": 7}, {"rate": 8}, {"rate": 9}, {"m": 1}]
    items, curves, told = nodes.gather_arm(labels, mixed, *tables, *rest)
    assert items.to_dict("list") == {
        "value": [1, 2, 3],
        "arm": ["a"] * 3,
        "seed": [0] * 3,
        "stage": ["pretraining", "sft", "sft"],
    }
    assert curves["value"].tolist() == [4, 5]
    assert told == {
        "a.seed0.pretraining": {"training": {"loss": 6}, "scores": {"rate": 8}, "mix": {"m": 1}},
        "a.seed0.sft": {"training": {"loss": 7}, "scores": {"rate": 9}, "mix": None},
    }


def test_a_result_too_few_is_no_result_of_another_checkpoint() -> None:
    with pytest.raises(ValueError, match="zip"):
        gather.with_labels(["a.seed0.sft", "b.seed0.sft"], [table(1)])
    with pytest.raises(ValueError):
        nodes.gather_arm(["a.seed0.cpt"], ["a.seed0.cpt"], table(1), table(2), {}, {})


def test_tables_of_arms_stand_under_one_another_with_rows_numbered_anew() -> None:
    for collect in (nodes.collect_items, nodes.collect_curves):
        assert collect(table(1, 2), table(3)).to_dict("list") == {"value": [1, 2, 3]}
        assert list(collect(table(1, 2), table(3)).index) == [0, 1, 2]


def test_rates_by_protocol_are_the_first_half_and_agreements_the_second() -> None:
    rates, agreements = nodes.collect_protocols(table(1), table(2), table(3), table(4))
    assert (rates["value"].tolist(), agreements["value"].tolist()) == ([1, 2], [3, 4])
