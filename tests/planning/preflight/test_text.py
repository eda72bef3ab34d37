"""Tokens are estimated before there is a tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.planning.preflight.text import Tokenizing

WORDS = Tokenizing(words=True, entries=512)


@pytest.mark.parametrize(
    ("entries", "size"), [(100, 2.0), (512, 2.0), (1_024, 2.6), (2_048, 3.2), (8_192, 4.4), (50_432, 4.5)]
)
def test_a_larger_vocabulary_has_longer_tokens_up_to_those_of_web_text(entries: int, size: float) -> None:
    assert Tokenizing(words=False, entries=entries).bytes_per_token == pytest.approx(size)


def test_a_language_of_whole_words_has_a_size_of_its_own_whatever_its_vocabulary() -> None:
    assert WORDS.bytes_per_token == Tokenizing(words=True, entries=50_000).bytes_per_token == 5.0


@pytest.mark.parametrize(
    ("texts", "mean"),
    [
        (["The AI waits."], 5),  # three words, a mark, the end
        (["one", "one two three"], 3),
        (["don't"], 4),
        (["\u00e9t\u00e9 \u2014 oui"], 4),
        ([""], 1),
        ([" \n\t "], 1),
    ],
)
def test_words_and_marks_are_counted_one_by_one_with_an_end_for_each_text(texts: list[str], mean: float) -> None:
    assert WORDS.mean(texts) == mean


def test_byte_pairs_are_counted_by_bytes_and_are_no_fewer_than_words_and_marks() -> None:
    pairs = Tokenizing(words=False, entries=512)
    assert pairs.mean(["aaaaaaaa"]) == 8 / 2 + 1
    assert pairs.mean(["\u4e2d" * 4]) == 12 / 2 + 1
    assert pairs.mean(["a b c d"]) == 4 + 1


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.sampled_from([512, 2_048, 50_000]))
def test_a_mean_does_not_depend_on_order_or_on_how_often_all_texts_stand_there(texts: list[str], entries: int) -> None:
    for tokenizing in (WORDS, Tokenizing(words=False, entries=entries)):
        mean = tokenizing.mean(texts)
        assert mean >= 1
        assert tokenizing.mean([*texts[::-1], *texts]) == pytest.approx(mean)
