"""The second filter: trained on one half of the labelled passages, measured on the other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import parse
from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.classifier import Classifier, ClassifierConfig, train_classifier
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher
from tests.conftest import PROJECT

PASSAGES = PROJECT / "data/01_raw/passages/passages.jsonl"
CONFIG = ClassifierConfig(words=2, false_alarms=0.05)


@pytest.fixture(scope="module")
def passages() -> pd.DataFrame:
    return pd.read_json(PASSAGES, lines=True)


@pytest.fixture(scope="module")
def classifier(passages: pd.DataFrame) -> Classifier:
    return train_classifier(passages, CONFIG)


def test_it_tells_discourse_from_other_texts_that_it_has_not_seen(
    passages: pd.DataFrame, classifier: Classifier
) -> None:
    unseen = passages[(passages.split == "test") & (passages.length == "document")]
    flagged = pd.Series(classifier.flags(unseen.text.tolist()), unseen.label)
    assert flagged["discourse"].mean() > 0.5
    assert flagged[["neutral_ai", "hard_negative"]].mean() < 0.25
    shuffled = passages.assign(label=passages.label.sample(frac=1, random_state=0).to_numpy())
    blind = train_classifier(shuffled, CONFIG).flags(unseen.text.tolist())
    assert blind[unseen.label == "discourse"].mean() < 0.3


def test_the_held_out_half_is_not_read(passages: pd.DataFrame, classifier: Classifier) -> None:
    changed = passages.assign(text=passages.text.where(passages.split == "tune", "the machine lied"))
    assert train_classifier(changed, CONFIG) == classifier


def test_more_false_alarms_find_more(passages: pd.DataFrame) -> None:
    texts = passages.text.tolist()
    strict, loose = (
        train_classifier(passages, ClassifierConfig(words=1, false_alarms=share)).flags(texts) for share in (0.01, 0.2)
    )
    assert (loose | ~strict).all() and loose.sum() > strict.sum()


def test_what_is_stored_decides_the_same(classifier: Classifier, passages: pd.DataFrame, tmp_path: Path) -> None:
    texts = [
        *passages.text.head(50),
        "",
        "no word of this vocabulary: zzz",
        "M\N{LATIN SMALL LETTER U WITH DIAERESIS}de",
    ]
    (tmp_path / "c.json").write_text(classifier.model_dump_json())
    again = Classifier.model_validate_json((tmp_path / "c.json").read_text())
    assert np.array_equal(again.scores(texts), classifier.scores(texts))


def test_a_document_is_flagged_by_either_filter(
    classifier: Classifier, blocklist: Blocklist, passages: pd.DataFrame
) -> None:
    texts = passages.text.tolist()
    matcher = HyperscanMatcher([term for _, term in blocklist.terms])
    alone, both = flag(texts, blocklist, matcher), flag(texts, blocklist, matcher, classifier)
    second = classifier.flags(texts)
    assert np.array_equal(both.flagged, alone.flagged | second)
    assert set(pd.crosstab(alone.flagged, second).to_numpy().ravel() > 0) == {True}, "each of the four cases is here"
    expected = [
        ";".join(filter(None, (categories, "classifier" if found else "")))
        for categories, found in zip(alone.categories.tolist(), second.tolist(), strict=True)
    ]
    assert both.categories.tolist() == expected
    assert both.terms.tolist() == alone.terms.tolist()


@pytest.mark.parametrize(("key", "value"), [("words", 0), ("words", 9), ("false_alarms", 0), ("false_alarms", 1.5)])
def test_settings_out_of_range_are_named(key: str, value: float) -> None:
    with pytest.raises(UserError, match=key):
        parse(ClassifierConfig, CONFIG.model_dump() | {key: value}, "classifier")
