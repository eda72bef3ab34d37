"""An n-gram language model over token ids: what runs of a few words alone say, without persona or situation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NONE = -1  # where a window reaches back beyond its text, and where a gram or a context was never seen


@dataclass(frozen=True)
class _Level:
    """Grams of one length. A context is the number of a gram one token shorter; the empty context is 0."""

    vocabulary: int
    grams: np.ndarray  # context * vocabulary + token, sorted, int64 (grams,)
    counts: np.ndarray  # (grams,)
    seen: np.ndarray  # tokens that followed each context (contexts,)
    kinds: np.ndarray  # distinct ones among them (contexts,)

    def find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Number of each gram (n,), or NONE."""
        if not len(self.grams):
            return np.full(len(contexts), NONE)
        keys = np.where((contexts == NONE) | (tokens == NONE), NONE, contexts * self.vocabulary + tokens)
        places = np.minimum(np.searchsorted(self.grams, keys), len(self.grams) - 1)
        return np.where(self.grams[places] == keys, places, NONE)

    def refine(self, shorter: np.ndarray, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Probabilities (n,) after `contexts`, from those after contexts shorter by a token."""
        grams = self.find(contexts, tokens)
        counts = _of(self.counts, grams)
        seen, kinds = _of(self.seen, contexts), _of(self.kinds, contexts)
        return np.where(seen > 0, (counts + kinds * shorter) / np.maximum(seen + kinds, 1), shorter)


@dataclass(frozen=True)
class NgramModel:
    """Interpolated n-grams with Witten-Bell smoothing.

    P(w|h) = (c(hw) + T(h) P(w|h')) / (c(h) + T(h)), where T(h) counts the distinct tokens seen after h and h' is h
    without its first token; below the unigrams stands 1/vocabulary. Source: S. F. Chen and J. Goodman, "An Empirical
    Study of Smoothing Techniques for Language Modeling", Computer Speech and Language 13 (1999), section 2.5, after
    I. H. Witten and T. C. Bell, IEEE Transactions on Information Theory 37 (1991), method C.
    """

    levels: tuple[_Level, ...]
    vocabulary: int

    @classmethod
    def fit(cls, tokens: np.ndarray, vocabulary: int, order: int) -> NgramModel:
        """Count the runs of up to `order` tokens in `tokens` (n,), ids below `vocabulary`. Time n log n, no chance."""
        tokens = tokens.astype(np.int64)
        contexts, known = np.zeros(len(tokens), np.int64), 1
        levels = []
        for length in range(order):
            keys = contexts * vocabulary + tokens[length:]
            grams, numbers, counts = np.unique(keys, return_inverse=True, return_counts=True)
            seen = np.bincount(contexts, minlength=known)
            kinds = np.bincount(grams // vocabulary, minlength=known)
            levels.append(_Level(vocabulary, grams, counts, seen, kinds))
            # The gram that ends at a token is the context of the next one.
            contexts, known = numbers[:-1], len(grams)
        return cls(tuple(levels), vocabulary)

    @property
    def order(self) -> int:
        """Tokens of the longest gram."""
        return len(self.levels)

    def log_probabilities(self, windows: np.ndarray) -> np.ndarray:
        """Natural log-probability (n,) of the last token of each window (n, order) after those before it.

        NONE stands where a text has no token yet. Always finite.
        """
        found = np.full(len(windows), 1 / self.vocabulary)
        for length, level in enumerate(self.levels):
            contexts = np.zeros(len(windows), np.int64)
            for shorter, place in zip(self.levels, range(self.order - 1 - length, self.order - 1), strict=False):
                contexts = shorter.find(contexts, windows[:, place])
            found = level.refine(found, contexts, windows[:, -1])
        return np.asarray(np.log(found))


def windows(context: tuple[int, ...], tokens: tuple[int, ...], order: int) -> np.ndarray:
    """Of each of `tokens` after `context`, the last `order` ones up to it: int64 (tokens, order); NONE at the head."""
    before = (NONE,) * order + context
    text = np.array(before[len(before) - order + 1 :] + tokens, dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(text, order)


def _of(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """`values` by number, 0 for NONE."""
    if not len(values):
        return np.zeros(len(numbers), np.int64)
    return np.where(numbers == NONE, 0, values[numbers])
