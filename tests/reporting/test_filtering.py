"""What the page says of the filters, from the tables `filter_quality` and `corpus_account`."""

import pandas as pd
import pytest

from alignment_pretraining.mixing.filtering.quality import known_leakage, passage_quality
from alignment_pretraining.reporting.filtering import Filtering
from alignment_pretraining.reporting.numbers import MISSING
from tests.reporting.made_up import make_filtering


def account(**counts: list[int]) -> pd.DataFrame:
    told = {"flagged": [10, 0], "kept": [80, 10], "flagged_bytes": [30, 0], "kept_bytes": [60, 10]} | counts
    return pd.DataFrame({"source": ["docs.jsonl", "natural_discourse"], **told})


@pytest.fixture
def filtering() -> Filtering:
    """Two filters on four documents and four sentences of each half: one flags every second text, the other nothing."""
    labels = ["discourse", "discourse", "neutral_ai", "hard_negative"] * 2
    passages = pd.DataFrame({"label": labels, "length": ["document"] * 4 + ["sentence"] * 4, "split": "test"})
    passages = pd.concat([passages, passages.assign(split="tune")], ignore_index=True)
    flagged = {"keywords": [True, False] * 8, "classifier": [False] * 16}
    quality = passage_quality(passages, {name: pd.Series(told).to_numpy() for name, told in flagged.items()})
    return Filtering(pd.concat([quality, known_leakage(account(), "natural_discourse")], ignore_index=True), account())


def test_filters_are_those_that_were_measured_and_leakage_is_none(filtering: Filtering) -> None:
    assert filtering.filters == ["keywords", "classifier"]


def test_texts_that_were_held_out_stand_first(filtering: Filtering) -> None:
    assert filtering.columns == [("document", "test"), ("sentence", "test"), ("document", "tune"), ("sentence", "tune")]


def test_each_measure_has_its_number_in_each_column(filtering: Filtering) -> None:
    rows = dict(filtering.rows("keywords"))
    assert list(rows) == [
        "Discourse that is flagged (recall)",
        "Flagged passages that are discourse (precision)",
        "Neutral passages about AI that are flagged",
        "Other passages that are flagged (hard negatives)",
    ]
    told = {measure: [number.text for number, _ in cells] for measure, cells in rows.items()}
    assert list(told.values()) == [["0.500"] * 4, ["0.500"] * 4, ["1.000"] * 4, ["0.000"] * 4]
    for number, row in rows["Discourse that is flagged (recall)"]:
        assert number.key == row.key and (row.hits, row.of) == (1, 2)
    assert [row.length for _, row in rows["Discourse that is flagged (recall)"]] == [
        length for length, _ in filtering.columns
    ]


def test_what_a_filter_that_flags_nothing_is_worth_is_not_known(filtering: Filtering) -> None:
    rows = dict(filtering.rows("classifier"))
    precision = rows["Flagged passages that are discourse (precision)"][0][0]
    assert (precision.text, precision.interval) == (MISSING, "0.000 to 1.000")


def test_the_recall_of_the_list_is_that_on_held_out_documents(filtering: Filtering) -> None:
    quality = filtering.quality.copy()
    quality.loc[quality["key"] == "filter/keywords/recall/document/test", "value"] = 0.75
    assert Filtering(quality, filtering.account).recall_of_the_list == 0.75


def test_leakage_is_the_known_share_of_what_was_kept(filtering: Filtering) -> None:
    number, row = filtering.leakage
    assert (number.key, number.text, row.hits, row.of) == ("filter/leakage/known", "0.111", 10, 90)


def test_shares_are_over_what_was_looked_at_in_documents_and_in_bytes(filtering: Filtering) -> None:
    assert (filtering.flagged_share, filtering.flagged_share_of_text) == (0.1, 0.3)
    nothing = Filtering(make_filtering()[0], account(flagged=[0, 0], kept=[0, 0]))
    assert nothing.flagged_share == 0, "of no documents none is flagged"
