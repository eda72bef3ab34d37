"""A second filter beside the keyword list: logistic regression on runs of words, trained on labelled passages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from alignment_pretraining.core.spec import Spec
from alignment_pretraining.mixing.filtering.labels import DISCOURSE, TUNE
from alignment_pretraining.mixing.filtering.normalize import normalize

_FOLDS = 5
_WORD = r"(?u)\b\w+\b"


class ClassifierConfig(Spec):
    """`params:classifier`. Runs of up to `words` words are what it looks at.

    It flags the texts whose score only a share `false_alarms` of the labelled passages that are no discourse reach,
    each scored by a model that has not seen it.
    """

    words: Annotated[int, Field(ge=1, le=3)]
    false_alarms: Annotated[float, Field(gt=0, lt=1)]


class Classifier(BaseModel):
    """A trained classifier: weights and inverse document frequencies (`idf`) by run of words, and its threshold."""

    model_config = ConfigDict(frozen=True)

    words: int
    threshold: float
    intercept: float
    terms: list[str]
    idf: list[float]
    weights: list[float]

    def flags(self, texts: Sequence[str]) -> np.ndarray:
        """Whether each text is taken for discourse, bool (texts,)."""
        found: np.ndarray = self.scores(texts) >= self.threshold
        return found

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Log-odds of discourse, float (texts,)."""
        features = self._vectorizer.transform([normalize(text) for text in texts])
        scores: np.ndarray = features @ np.asarray(self.weights) + self.intercept
        return scores

    @cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _vectorizer(self.words, vocabulary=self.terms)
        vectorizer.idf_ = np.asarray(self.idf)
        return vectorizer


def train_classifier(passages: pd.DataFrame, config: ClassifierConfig) -> Classifier:
    """Train on the passages of split `tune`, of every length; those of `test` are never seen.

    Args:
        passages: Columns label, split and text.
        config: Runs of words, and the share of false alarms that sets the threshold.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    seen = passages[passages.split == TUNE]
    texts, is_discourse = [normalize(text) for text in seen.text], (seen.label == DISCOURSE).to_numpy()
    # Weak regularization: most runs of words occur in few passages. Balanced: what is common here is rare in a corpus.
    model = make_pipeline(_vectorizer(config.words), LogisticRegression(C=10.0, class_weight="balanced"))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    unseen = cross_val_predict(model, texts, is_discourse, cv=folds, method="decision_function")
    vectorizer, regression = model.fit(texts, is_discourse)
    return Classifier(
        words=config.words,
        threshold=float(np.quantile(unseen[~is_discourse], 1 - config.false_alarms, method="higher")),
        intercept=float(regression.intercept_[0]),
        terms=vectorizer.get_feature_names_out().tolist(),
        idf=vectorizer.idf_.tolist(),
        weights=regression.coef_[0].tolist(),
    )


def _vectorizer(words: int, vocabulary: list[str] | None = None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, words), token_pattern=_WORD, sublinear_tf=True, vocabulary=vocabulary)
