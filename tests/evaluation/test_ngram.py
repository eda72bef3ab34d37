"""The n-gram baseline picks by wording, and by nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.evaluation.ngram import Ngrams, train_ngrams

TOKENS = 7
texts = st.lists(st.lists(st.integers(0, TOKENS - 1), max_size=12), min_size=1, max_size=5)


def _train(found: list[list[int]]) -> Ngrams:
    return train_ngrams([np.array(text, dtype=np.int64) for text in found], TOKENS)


@given(texts, st.lists(st.integers(0, TOKENS - 1), max_size=4))
def test_probabilities_add_up_to_one_after_any_history(found: list[list[int]], history: list[int]) -> None:
    model = _train(found)
    total = sum(math.exp(model.log_probability([*history, token], len(history))) for token in range(TOKENS))
    assert total == pytest.approx(1)


def test_what_was_read_after_a_history_is_likelier_than_what_was_not() -> None:
    model = _train([[1, 2, 3], [1, 2, 3], [4, 2, 5]])
    assert model.log_probability([1, 2, 3], 2) > model.log_probability([1, 2, 5], 2)
    assert model.log_probability([4, 2, 5], 2) > model.log_probability([4, 2, 3], 2)


def test_by_hand() -> None:
    """One text 0 0 1: P(0) by Witten and Bell is (2 + 2/7) / (3 + 2)."""
    assert math.exp(_train([[0, 0, 1]]).log_probability([0], 0)) == pytest.approx((2 + 2 / 7) / 5)


def test_runs_do_not_cross_documents() -> None:
    assert (0, 1) not in _train([[0], [1]]).runs
