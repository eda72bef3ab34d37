import re

import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.mixing.filtering.account import corpus_account
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.labels import LABELS
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher
from alignment_pretraining.mixing.filtering.quality import KEYWORDS, known_leakage, passage_quality

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


def test_sentences_are_shorter_than_paragraphs_and_these_than_documents(passages: pd.DataFrame) -> None:
    words = passages.text.map(lambda text: len(re.findall(r"\w+", text)))
    sentence, paragraph, document = (words[passages.length == name] for name in ("sentence", "paragraph", "document"))
    assert sentence.median() < 35 < 45 < paragraph.median() < 110 < document.min()
    assert len(document) >= 300


def test_measures_count_what_was_flagged(blocklist: Blocklist) -> None:
    flagged, kept = "Anthropic published a report.", "A robot vacuum cleans the floor."
    rows = [("discourse", flagged), ("discourse", kept), ("neutral_ai", flagged), ("hard_negative", kept)]
    passages = pd.DataFrame(rows, columns=["label", "text"]).assign(length="document", split="test")
    decided = flag(passages.text.tolist(), blocklist, HyperscanMatcher([term for _, term in blocklist.terms]))
    quality = passage_quality(passages, {KEYWORDS: decided.flagged.to_numpy()})
    found = quality.set_index("measure")[["hits", "of"]]
    expected = {"recall": [1, 2], "precision": [1, 2], "neutral_ai flagged": [1, 1], "hard_negative flagged": [0, 1]}
    assert {measure: found.loc[measure].tolist() for measure in found.index} == expected
    assert (quality.low <= quality.value).all() and (quality.value <= quality.high).all()
    assert quality.key.is_unique


def test_what_is_known_to_be_left_is_counted() -> None:
    account = pd.DataFrame({"source": ["web", "known"], "flagged": [100, 50], "kept": [900, 10]})
    [known] = known_leakage(account, "known").to_dict("records")
    assert (known["hits"], known["of"]) == (10, 910)


def test_a_document_that_is_missing_is_an_error() -> None:
    reading = pd.DataFrame([{"source": "a", "read": 10, "quarantined": 1, "held_out": 2}])
    rows = [{"source": "a", "flagged": 1, "kept": 3}, {"source": "a", "flagged": 0, "kept": 3}]
    decided = pd.DataFrame(rows).assign(flagged_bytes=5, kept_bytes=7)
    account = corpus_account(reading, decided)
    assert account.values.tolist() == [["documents/0", "a", 10, 1, 2, 1, 6, 10, 14]]
    with pytest.raises(UserError, match=r"a: \+1 documents between what was read and what was kept"):
        corpus_account(reading.assign(read=11), decided)
