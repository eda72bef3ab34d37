"""How one text is found inside another: by runs of its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.core.ngrams import QUOTATION_WORDS, exact_ngrams, ngrams, words

TEXTS = st.lists(st.sampled_from(["the", "AI", "don't", "7", "\u2014", ".", "\n"])).map(" ".join)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The AI, said: don't!", ["the", "ai", "said", "don't"]),
        ("GPT-4 is 2.5x", ["gpt", "4", "is", "2", "5x"]),
        ("\u2014 \u4e2d\u6587 \u2014", []),
        ("", []),
    ],
)
def test_words_have_neither_case_nor_punctuation(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_runs_of_words_by_hand() -> None:
    assert ngrams("a b a b c", 2) == {("a", "b"), ("b", "a"), ("b", "c")}
    assert ngrams("one two three four five six") == {
        ("one", "two", "three", "four", "five"),
        ("two", "three", "four", "five", "six"),
    }


def test_a_text_that_is_too_short_is_one_run_unless_runs_are_exact() -> None:
    assert ngrams("a b", 3) == {("a", "b")}
    assert exact_ngrams("a b", 3) == set()
    assert ngrams("", 3) == exact_ngrams("", 3) == ngrams("...", 3) == set()


@given(TEXTS, st.integers(1, QUOTATION_WORDS))
def test_every_run_stands_in_the_text_and_every_place_has_one(text: str, n: int) -> None:
    told = words(text)
    places = [tuple(told[at : at + n]) for at in range(len(told) - n + 1)]
    assert exact_ngrams(text, n) == set(places)
    assert ngrams(text, n) == (set(places) or ({tuple(told)} if told else set()))


@given(TEXTS, TEXTS, TEXTS)
def test_a_quotation_is_found_whatever_stands_around_it(before: str, quoted: str, after: str) -> None:
    assert exact_ngrams(quoted, 3) <= exact_ngrams(f"{before} {quoted.upper()} {after}", 3)
