"""A baseline that knows nothing but runs of words: an n-gram model of the text that an arm read answers the suite.

What it gets right is wording. Interpolated trigrams with Witten and Bell's weights (I. H. Witten and T. C. Bell, "The
zero-frequency problem", IEEE Trans. Inf. Theory 37, 1991): with c(h) tokens after a history h, t(h) of them distinct,
P(w | h) = (c(h w) + t(h) P(w | shorter h)) / (c(h) + t(h)).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alignment_pretraining.core.token_stream import TokenStream
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.prompts import ASKED, Prompt, build_prompts, read_suite
from alignment_pretraining.evaluation.scoring import as_table, item

ORDER = 3
_Counts = dict[tuple[int, ...], float]


@dataclass(frozen=True)
class Ngrams:
    """Counts of runs of tokens, and for each history how many tokens and how many distinct tokens follow it."""

    vocabulary: int
    runs: _Counts
    followers: _Counts
    distinct: _Counts

    def log_probability(self, tokens: Sequence[int], first: int) -> float:
        """Natural log-probability of `tokens[first:]` after `tokens[:first]`."""
        runs = (tuple(tokens[max(n - ORDER + 1, 0) : n + 1]) for n in range(first, len(tokens)))
        return sum(math.log(self._probability(run)) for run in runs)

    def _probability(self, run: tuple[int, ...]) -> float:
        probability = 1 / self.vocabulary
        for length in range(1, len(run) + 1):
            own = run[len(run) - length :]
            history = own[:-1]
            total, kinds = self.followers.get(history, 0.0), self.distinct.get(history, 0.0)
            if total:
                probability = (self.runs.get(own, 0.0) + kinds * probability) / (total + kinds)
        return probability


def train_ngrams(texts: Iterable[np.ndarray], vocabulary: int) -> Ngrams:
    """Count the runs of up to three tokens in each of `texts` (token ids); none goes over the end of a text."""
    parts = [np.asarray(text, dtype=np.int64) for text in texts]
    runs: _Counts = {}
    followers: _Counts = {}
    distinct: _Counts = {}
    for length in range(1, ORDER + 1):
        windows = [np.lib.stride_tricks.sliding_window_view(part, length) for part in parts if len(part) >= length]
        if not windows:
            continue
        found, counts = np.unique(np.concatenate(windows), axis=0, return_counts=True)
        for run, count in zip(map(tuple, found.tolist()), counts.tolist(), strict=True):
            runs[run] = float(count)
            followers[run[:-1]] = followers.get(run[:-1], 0.0) + count
            distinct[run[:-1]] = distinct.get(run[:-1], 0.0) + 1
    return Ngrams(vocabulary, runs, followers, distinct)


def read_mix(mix: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Token ids of a mix: of each inserted document, and of every document (pieces as they stand in the stream)."""
    stream = TokenStream.open(mix)
    table = pd.concat([pd.read_parquet(path) for path in sorted(mix.glob("*.documents.parquet"))], ignore_index=True)
    tokens = stream.read(0, len(stream))
    texts = [tokens[start:end] for start, end in zip(table["start"], table["end"], strict=True)]
    inserted = ~table["source"].isin(["corpus", "replacement", "mcqa"])
    return [text for text, own in zip(texts, inserted, strict=True) if own], texts


def answer_by_ngrams(mixes: Sequence[Path], tokenizer: Path, suite: Path, evaluation: Evaluation) -> pd.DataFrame:
    """The suite answered by n-gram models of what an arm read: ITEM_COLUMNS, and `stage`, what each was trained on:
    `documents` (the inserted ones; none where the arm has none) or `stream` (all)."""
    from transformers import AutoTokenizer

    encoder = AutoTokenizer.from_pretrained(tokenizer)

    def encode(text: str) -> list[int]:
        return list(encoder(text, add_special_tokens=False)["input_ids"])

    prompts = [prompt for prompt in build_prompts(read_suite(suite), evaluation) if prompt.control == ASKED]
    read = [read_mix(mix) for mix in mixes]
    texts = {
        "documents": [text for documents, _ in read for text in documents],
        "stream": [text for _, everything in read for text in everything],
    }
    tables = [
        _answers(train_ngrams(found, len(encoder)), prompts, encode).assign(stage=name)
        for name, found in texts.items()
        if found
    ]
    return pd.concat(tables, ignore_index=True)


def _answers(model: Ngrams, prompts: Sequence[Prompt], encode: Callable[[str], list[int]]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for prompt in prompts:
        context = encode(prompt.text)
        wholes = [encode(prompt.text + option) for option in prompt.options]
        totals = [model.log_probability(whole, len(context)) for whole in wholes]
        rows.append(item(prompt, totals, [len(whole) - len(context) for whole in wholes]))
    return as_table(rows)
