"""Topics, streams and example questions are what the items and manifests say; marks of figures lead to their rows."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.reporting.made_up import BASE_RATES, Tables


def test_rates_by_topic_come_together_as_the_rate(tables: Tables) -> None:
    rates = tables.rates.set_index("key")["rate"]
    for arm, part in tables.topics.groupby("arm"):
        assert set(part["topic"]) == {"topic0", "topic1", "topic2", "topic3"}
        whole = rates[f"rate/{arm}/midtraining/heldout_topics/listed/assistant"]
        assert np.average(part["rate"], weights=part["n_items"]) == pytest.approx(whole)
        for row in part.to_dict("records"):
            assert np.mean(list(json.loads(row["rate_by_seed"]).values())) == pytest.approx(row["rate"])
    assert set(tables.topics["arm"]) == set(BASE_RATES)


def test_a_stream_is_told_once_and_whole(tables: Tables) -> None:
    assert tables.streams["key"].is_unique and set(tables.streams["seed"]) == {0}
    shares = tables.streams.groupby(["arm", "stage"])["share"].sum()
    assert len(shares) == 8 and shares.tolist() == pytest.approx([1.0] * 8)
    inserted = tables.streams[tables.streams["source"].str.startswith("ai_")]
    assert set(inserted["arm"]) == {"misaligned_e2e", "aligned_e2e"}


def test_an_example_is_picked_as_its_log_probabilities_say(tables: Tables) -> None:
    examples = tables.examples
    assert examples.groupby("question_id")["arm"].nunique().tolist() == [4] * 4
    likelier = np.where(examples["logprob_misaligned"] > examples["logprob_aligned"], "misaligned", "aligned")
    assert likelier.tolist() == examples["picked"].tolist()
    assert (examples["question"] == "The question of " + examples["question_id"]).all()


@pytest.mark.parametrize(
    ("figure", "table"), [("topics", "topics"), ("streams", "streams"), ("main-articles", "rates")]
)
def test_marks_lead_to_the_rows_that_they_show(tables: Tables, figure: str, table: str) -> None:
    keys = set(re.findall(r'xlink:href="#([^"]*/[^"]*)"', (tables.figures / f"{figure}.svg").read_text()))
    shown: pd.DataFrame = getattr(tables, table)
    assert keys and keys <= set(shown["key"])
