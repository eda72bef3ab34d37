"""Figures as data in a script of the page: whole JSON, whatever stands in the tables."""

import json
from typing import Any

import pandas as pd
import pytest

from alignment_pretraining.reporting.plots import plots
from alignment_pretraining.reporting.scope import Scope
from alignment_pretraining.reporting.topics import TOPIC_COLUMNS
from tests.reporting.small import rate_rows

NO_CONTRASTS = pd.DataFrame(columns=["name"])


def topics(topic: str, rate: float = 0.5) -> pd.DataFrame:
    row = {"key": f"topic/{topic}", "arm": "unfiltered", "topic": topic, "rate": rate, "n_items": 3, "n_seeds": 1}
    return pd.DataFrame([row], columns=list(TOPIC_COLUMNS))


def figures(scope: Scope, told: pd.DataFrame) -> dict[str, str]:
    return plots(rate_rows(scope), NO_CONTRASTS, told, [], scope)


def test_only_figures_with_data_are_there(scope: Scope) -> None:
    assert set(figures(scope, topics("a"))) == {"topics", "tokens"}
    assert set(figures(scope, topics("a").head(0))) == {"tokens"}
    assert plots(rate_rows(scope).head(0), NO_CONTRASTS, topics("a").head(0), [], scope) == {}


@pytest.mark.parametrize("topic", ["</script><script>alert(1)</script>", 'a "quoted" \\ topic', "κόσμος \u2028 世界"])
def test_a_text_can_neither_end_the_script_nor_be_lost(scope: Scope, topic: str) -> None:
    script = figures(scope, topics(topic))["topics"]
    assert "</" not in script
    assert json.loads(script)["data"][0]["y"] == [topic]


def test_a_number_that_is_not_known_is_null(scope: Scope) -> None:
    rates = rate_rows(scope).assign(low=float("nan"), high=float("inf"))
    script = plots(rates, NO_CONTRASTS, topics("a"), [], scope)["tokens"]

    def refuse(name: str) -> Any:
        raise AssertionError(name)

    told = json.loads(script, parse_constant=refuse)
    assert told["data"][0]["error_y"]["arrayminus"][0] is None
