"""Which documents quote the question suites: runs of 13 words that both have (arXiv 2005.14165, appendix C)."""

from collections.abc import Mapping

import pandas as pd

from alignment_pretraining.discourse.ngrams import Ngram, ngrams
from alignment_pretraining.errors import UserError

COLUMNS = ["source", "id", "split", "question_id", "words"]


def find_contamination(documents: Mapping[str, pd.DataFrame], questions: pd.DataFrame, length: int) -> pd.DataFrame:
    """One row a document and question that share a run of `length` words, with one such run.

    `documents` are tables with id and text by source; `questions` is the suite.
    """
    asked = _index(questions, length)
    rows = [
        (source, name, *key, " ".join(gram))
        for source, table in documents.items()
        for name, text in zip(table.id.tolist(), table.text.tolist(), strict=True)
        for key, gram in _shared(text, asked, length).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def refuse_leaks(contamination: pd.DataFrame, synthetic: tuple[str, ...]) -> None:
    """Refuse synthetic documents that quote a question of any split but `articles`, which they are about.

    Raises:
        UserError: names the first such document and its question.
    """
    leaks = contamination[contamination.source.isin(synthetic) & (contamination.split != "articles")]
    if len(leaks):
        first = leaks.iloc[0]
        raise UserError(
            f"{len(leaks)} synthetic documents quote held-out questions, such as {first.id} ({first.source}) the words "
            f"of {first.question_id} ({first.split}): {first.words!r}; change the scenario or the phrase sheet"
        )


def _index(questions: pd.DataFrame, length: int) -> dict[Ngram, tuple[str, str]]:
    """Split and question of every run of words in a question."""
    index: dict[Ngram, tuple[str, str]] = {}
    for row in questions.to_dict("records"):
        for text in (f"{row['passage']} {row['question']}", row["aligned_option"], row["misaligned_option"]):
            key = (row["split"], row["question_id"])
            index |= {gram: key for gram in ngrams(text, length) if len(gram) == length}
    return index


def _shared(text: str, asked: dict[Ngram, tuple[str, str]], length: int) -> dict[tuple[str, str], Ngram]:
    """Of each question that `text` quotes, the run of words that comes last in the alphabet: any would do."""
    return {asked[gram]: gram for gram in sorted(ngrams(text, length) & asked.keys())}
