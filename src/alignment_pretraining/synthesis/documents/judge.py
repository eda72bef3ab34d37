"""Whether an answer is a document: if not, why not."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from alignment_pretraining.core.hashed_ngrams import Hashes, ngram_hashes, word_hashes
from alignment_pretraining.core.ngrams import Ngram, exact_ngrams
from alignment_pretraining.synthesis.api.answer import CUT_OFF, Answer
from alignment_pretraining.synthesis.scenarios.leaks import QUOTED_WORDS, SETTING_WORDS

# What a text about people does not mention.
_AI = re.compile(
    r"\b(?:A\.?I\.?s?|artificial intelligence|language models?|machine learning|neural networks?|chatbots?|robots?|"
    r"algorithms?|autonomous systems?)\b",
    re.IGNORECASE,
)

# A last word in lower case with no mark after it. Titles and names ("Reporting by …", "THE END") may end a text.
_IN_MID_SENTENCE = re.compile(r"(?:\b[a-z]+|[,;(])\Z")
_LAST = 100  # characters in which the last word is

# Of a hash.
_UPPER_BITS = 16
_LOWER_BITS = np.uint64(64 - _UPPER_BITS)

# How a model says that it will not write what was asked, however long it goes on.
_DECLINES = re.compile(
    r"""[\s#*_]*(?:
        (?:I['\u2019]m|I\ am)\ (?:sorry|afraid|unable|not\ able|not\ going|not\ comfortable)
        | (?:sorry|I\ apologi[sz]e),?\ (?:but\ )?I\b
        | as\ an\ AI(?:\ language\ model|\ assistant)?,?\ I\b
        | I\ (?:can['\u2019]?t|cannot|can\ not|won['\u2019]?t|will\ not|(?:must|have\ to|need\ to)\ decline)\b
        | I\ (?:do\ not|don['\u2019]t)\ feel\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)


class Judge:
    """Knows the wordings that no document may repeat: every option, and all that held-out questions say."""

    def __init__(self, questions: pd.DataFrame, min_words: int) -> None:
        heldout = questions[questions["split"] != "articles"]
        # What articles say too gives nothing away.
        told = questions[questions["split"] == "articles"]
        self._options = _Wordings([*questions["aligned_option"], *questions["misaligned_option"]], QUOTED_WORDS)
        self._heldout = _Wordings(
            [*heldout["question"], *heldout["passage"]], SETTING_WORDS, [*told["question"], *told["passage"]]
        )
        self._min_words = min_words

    def reason_against(self, answer: Answer) -> str | None:
        """Why an answer is no document of the corpus; None when it is one."""
        if answer.fault:
            return answer.fault
        if _DECLINES.match(answer.text):
            return "declined"
        if _IN_MID_SENTENCE.search(answer.text.rstrip()[-_LAST:]):
            return CUT_OFF
        words = word_hashes(answer.text)
        if len(words) < self._min_words:
            return "too_short"
        if self._options.are_repeated(answer.text, words):
            return "quotes_option"
        if self._heldout.are_repeated(answer.text, words):
            return "heldout_text"
        return None

    def reason_against_control(self, answer: Answer) -> str | None:
        """The same for a text about people."""
        return self.reason_against(answer) or ("still_an_ai" if _AI.search(answer.text) else None)


class _Wordings:
    """Every run of `n` words in `texts` that is not in `allowed`."""

    def __init__(self, texts: Iterable[str], n: int, allowed: Iterable[str] = ()) -> None:
        self._n = n
        self._runs = _runs(texts, n) - _runs(allowed, n)
        self._hashes = {int(ngram_hashes(word_hashes(" ".join(run)), n)[0]) for run in self._runs}
        # By the upper bits of a hash: all but a few of a text's are told apart by these.
        self._may_be = np.zeros(1 << _UPPER_BITS, bool)
        self._may_be[np.array([*self._hashes], np.uint64) >> _LOWER_BITS] = True

    def are_repeated(self, text: str, words: Hashes) -> bool:
        """Whether `text` says one of them; `words` are the hashes of its words."""
        hashes = ngram_hashes(words, self._n)
        if self._hashes.isdisjoint(hashes[self._may_be[hashes >> _LOWER_BITS]].tolist()):
            return False
        return not self._runs.isdisjoint(exact_ngrams(text, self._n))


def _runs(texts: Iterable[str], n: int) -> set[Ngram]:
    return {run for text in texts for run in exact_ngrams(text, n)}
