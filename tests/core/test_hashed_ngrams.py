"""Hashes say of n-grams what the words say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.hashed_ngrams import ngram_hashes, word_hashes
from alignment_pretraining.core.ngrams import ngrams, words

# Few words, so that n-grams repeat, among characters that end a word, change in lower case or are half a character.
TEXTS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(["the", "The", "log", "İ", "don't", "é", "\ud800", "7", ".", "\n"])).map(" ".join),
)


@given(TEXTS)
def test_each_word_has_its_hash(text: str) -> None:
    found = words(text)
    hashes = word_hashes(text).tolist()
    assert len(hashes) == len(found)
    assert len(set(hashes)) == len(set(found))
    assert dict(zip(found, hashes, strict=True)) == dict(zip(words(text.lower()), hashes, strict=True))


@given(TEXTS, TEXTS, st.integers(1, 9))
def test_texts_share_the_hashes_of_the_ngrams_that_they_share(one: str, other: str, n: int) -> None:
    hashes = [set(ngram_hashes(word_hashes(text), n).tolist()) for text in (one, other)]
    grams = [ngrams(text, n) for text in (one, other)]
    assert [len(found) for found in hashes] == [len(found) for found in grams]
    assert len(hashes[0] & hashes[1]) == len(grams[0] & grams[1])


def test_the_order_of_words_counts() -> None:
    assert ngram_hashes(word_hashes("to the log"), 3) != ngram_hashes(word_hashes("the log to"), 3)
