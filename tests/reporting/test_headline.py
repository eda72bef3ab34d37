"""The headline: what `dvc metrics diff` compares, and the figure beside it."""

import pandas as pd

from alignment_pretraining.pipelines.reporting import nodes
from tests.reporting.made_up import Tables

DECLARED = pd.DataFrame(
    [
        {"name": "ai_open", "value": 0.123456, "low": -0.1, "high": 0.5, "verdict": "not shown"},
        {"name": "clerk_open", "value": 0.2, "low": float("nan"), "high": float("nan"), "verdict": "undecided"},
    ]
)


def test_numbers_are_those_of_the_tables_without_what_is_not_known(tables: Tables) -> None:
    numbers, _ = nodes.sum_up(tables.rates, DECLARED, tables.study, tables.evaluation)
    rates = tables.rates.set_index("key")["rate"]
    assert numbers == {
        "rate": {
            arm: round(rates[f"rate/{arm}/midtraining/heldout_topics/listed/assistant"], 4)
            for arm in tables.study.selected_arms()
        },
        "contrast": {
            "ai_open": {"value": 0.1235, "low": -0.1, "high": 0.5, "verdict": "not shown"},
            "clerk_open": {"value": 0.2, "verdict": "undecided"},
        },
    }


def test_the_figure_names_arms_and_verdicts_and_is_the_same_each_time(tables: Tables) -> None:
    figure, again = (nodes.sum_up(tables.rates, DECLARED, tables.study, tables.evaluation)[1] for _ in range(2))
    assert figure == again
    assert all(arm in figure for arm in tables.study.selected_arms())
    assert "ai_open: not shown" in figure


def test_without_contrasts_there_are_rates_alone(tables: Tables) -> None:
    numbers, figure = nodes.sum_up(tables.rates, DECLARED.head(0), tables.study, tables.evaluation)
    assert numbers.keys() == {"rate"}
    assert "Declared contrasts" not in figure
