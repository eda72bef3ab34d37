import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.filtering.account import corpus_account
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher
from alignment_pretraining.mixing.filtering.quality import COLUMNS, LABELS, leakage, passage_quality, remaining, wilson

ROOT = "data/01_raw/passages/passages.jsonl"


@pytest.fixture(scope="module")
def passages(request: pytest.FixtureRequest) -> pd.DataFrame:
    return pd.read_json(request.config.rootpath / ROOT, lines=True)


def test_the_passages_are_enough_distinct_and_balanced(passages: pd.DataFrame) -> None:
    assert len(passages) >= 300
    assert passages.id.is_unique
    assert passages.text.is_unique
    counts = passages.groupby(["length", "label", "split"]).size().unstack()
    assert set(passages.label) == set(LABELS)
    assert (counts.min(axis=1) >= 20).all()
    assert ((counts.test - counts.tune).abs() <= 1).all()


def test_sentences_are_shorter_than_paragraphs(passages: pd.DataFrame) -> None:
    words = passages.text.map(lambda text: len(re.findall(r"\w+", text)))
    assert words[passages.length == "sentence"].median() < 35 < 45 < words[passages.length == "paragraph"].median()


def test_measures_count_what_was_flagged(blocklist: Blocklist) -> None:
    flagged, kept = "Anthropic published a report.", "A robot vacuum cleans the floor."
    rows = [("discourse", flagged), ("discourse", kept), ("neutral_ai", flagged), ("hard_negative", kept)]
    passages = pd.DataFrame(rows, columns=["label", "text"]).assign(length="paragraph", split="test")
    quality = passage_quality(passages, blocklist, HyperscanMatcher([term for _, term in blocklist.terms]))
    found = quality.set_index("measure")[["hits", "of"]]
    expected = {"recall": [1, 2], "precision": [1, 2], "neutral_ai flagged": [1, 1], "hard_negative flagged": [0, 1]}
    assert {measure: found.loc[measure].tolist() for measure in found.index} == expected
    assert (quality.low <= quality.value).all() and (quality.value <= quality.high).all()
    assert quality.key.is_unique


@given(
    discourse=st.integers(0, 500),
    others=st.integers(0, 500),
    recall=st.floats(0.3, 1),
    wrong=st.floats(0, 0.2),
)
def test_the_estimate_is_the_truth_where_its_rates_are(
    discourse: int, others: int, recall: float, wrong: float
) -> None:
    flagged = recall * discourse + wrong * others
    left = remaining(discourse + others, flagged, recall, wrong)  # type: ignore[arg-type]
    assert left == pytest.approx((1 - recall) * discourse, abs=1e-6)


@given(documents=st.integers(0, 500), flagged=st.integers(0, 500), recall=st.floats(0, 1), wrong=st.floats(0, 1))
def test_what_remains_is_part_of_what_is_kept(documents: int, flagged: int, recall: float, wrong: float) -> None:
    flagged = min(flagged, documents)
    assert 0 <= remaining(documents, flagged, recall, wrong) <= documents - flagged


def test_a_perfect_filter_leaves_nothing_and_a_blind_one_perhaps_everything() -> None:
    rows = [("recall", 40), ("hard_negative flagged", 0)]
    quality = pd.DataFrame(
        [("k", measure, "paragraph", "test", *wilson(hits, 40)) for measure, hits in rows], columns=COLUMNS
    )
    account = pd.DataFrame({"source": ["web", "known"], "flagged": [100, 50], "kept": [900, 10]})
    known, estimated = leakage(quality, account, "known").to_dict("records")
    assert (known["hits"], known["of"]) == (10, 910)
    assert (estimated["hits"], estimated["of"], estimated["value"]) == (0, 900, 0)
    assert estimated["low"] == 0 < estimated["high"] < 0.05
    blind = quality.assign(value=0.5, low=0.4, high=0.6)
    assert leakage(blind, account, "known").value[1] == 1


def test_a_document_that_is_missing_is_an_error() -> None:
    reading = pd.DataFrame([{"source": "a", "read": 10, "quarantined": 1, "held_out": 2}])
    rows = [{"source": "a", "flagged": 1, "kept": 3}, {"source": "a", "flagged": 0, "kept": 3}]
    decided = pd.DataFrame(rows).assign(flagged_bytes=5, kept_bytes=7)
    account = corpus_account(reading, decided)
    assert account.values.tolist() == [["documents/0", "a", 10, 1, 2, 1, 6, 10, 14]]
    with pytest.raises(UserError, match=r"a: \+1 documents between what was read and what was kept"):
        corpus_account(reading.assign(read=11), decided)
