"""The n-gram baseline: the suite asked of n-grams of what an arm read, so that a gap of mere wording shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.token_stream import TokenStream, read_documents
from alignment_pretraining.evaluation.asked import Asked, ask
from alignment_pretraining.evaluation.config import Evaluation
from alignment_pretraining.evaluation.ngram import NgramModel, windows
from alignment_pretraining.evaluation.scoring import as_table, item

DOCUMENTS, STREAM = "ngram:documents", "ngram:stream"


def answer_by_ngrams(
    mixes: Sequence[Path], sources: Sequence[str], tokenizer: Path, suite: Path, evaluation: Evaluation
) -> pd.DataFrame:
    """Rows as `scoring.answer_suite` gives them, asked as base models are, of two n-gram models (column `model`).

    `ngram:documents` is counted on the documents of `sources` (the inserted ones) in the streams `mixes`, and is left
    out where there are none; `ngram:stream` on all of each stream. Of each stream at most `evaluation.ngram.max_tokens`
    are read, from its beginning.

    Raises:
        UserError: a mix is damaged, or holds ids that the tokenizer does not know.
    """
    from transformers import AutoTokenizer

    encoder = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    asked = ask(suite, evaluation, encoder)
    told = evaluation.ngram
    inserted = [tokens for mix in mixes for tokens in _inserted(mix, sources, told.max_tokens)]
    texts = {STREAM: [_head(mix, told.max_tokens) for mix in mixes]} | ({DOCUMENTS: inserted} if inserted else {})
    tables = []
    for name, parts in texts.items():
        tokens = np.concatenate(parts)
        if tokens.max() >= len(encoder):
            raise UserError(f"{mixes[0]}: token id {tokens.max()}, the tokenizer has {len(encoder)}; mix again")
        model = NgramModel.fit(tokens, len(encoder), told.order)
        tables.append(_answers(model, name, asked))
    return pd.concat(tables, ignore_index=True)


def _answers(model: NgramModel, name: str, suite: Asked) -> pd.DataFrame:
    """One row a prompt. Only the last words before an option tell in n-grams, so most prompts share their scores."""
    numbers: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    asked: list[list[tuple[int, int]]] = [[(0, 0), (0, 0)] for _ in suite.prompts]
    for packed in suite.sequences:
        tail = packed.context[max(len(packed.context) - model.order + 1, 0) :]
        for place, option in zip(packed.which, packed.options, strict=True):
            asked[packed.number][place] = (numbers.setdefault((tail, option), len(numbers)), len(option))
    totals = _totals(model, list(numbers))
    rows = [
        item(prompt, [totals[number] for number, _ in pair], [count for _, count in pair], model=name)
        for prompt, pair in zip(suite.prompts, asked, strict=True)
    ]
    return as_table(rows)


def _totals(model: NgramModel, texts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[float]:
    """Summed log-probability of each (context, option)."""
    parts = [windows(context, option, model.order) for context, option in texts]
    scores = model.log_probabilities(np.concatenate(parts))
    return [float(score) for score in np.add.reduceat(scores, np.cumsum([0, *map(len, parts[:-1])]))]


def _head(mix: Path, count: int) -> np.ndarray:
    stream = TokenStream.open(mix)
    return stream.read(0, min(count, len(stream)))


def _inserted(mix: Path, sources: Sequence[str], count: int) -> Iterator[np.ndarray]:
    """Tokens of each inserted document of a mix, in order, until `count` have been read."""
    stream = TokenStream.open(mix)
    for documents in read_documents(mix):
        mine = documents[documents["source"].isin(sources)]
        for start, end in zip(mine["start"], mine["end"], strict=True):
            if count <= 0:
                return
            tokens = stream.read(int(start), int(end))[:count]
            count -= len(tokens)
            yield tokens
