"""Which documents quote the question suites: runs of 13 words that both have (arXiv 2005.14165, appendix C)."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.corpus.parts import Part, batches
from alignment_pretraining.discourse.ngrams import Ngram, ngrams
from alignment_pretraining.errors import UserError
from alignment_pretraining.filtering.runs import RunIndex
from alignment_pretraining.tasks.store import Told

_TEXT = ("id", "split", "question_id", "words")
SCHEMA = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in _TEXT)])
NAME = "contamination.parquet"


def find_contamination(questions: str, length: int, part: Part, folder: Path) -> Told:
    """Write a row for each document of a part and each question with a run of `length` words in common.

    `questions` is the suite, its rows as JSON. Tells the first row of each split, with how many there are.
    """
    asked, runs = _indices(questions, length)
    told: Told = {}
    first = 0
    with pq.ParquetWriter(folder / NAME, SCHEMA) as file:
        for ids, texts in batches(part.path):
            rows = [
                (first + row, ids[row], *key, " ".join(gram))
                for row in runs.find(texts)
                for key, gram in _shared(texts[row], asked, length).items()
            ]
            first += len(ids)
            for _, key, split, question, words in rows:
                entry = told.setdefault(split, {"count": 0, "first": [key, question, words]})
                entry["count"] += 1
            columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(SCHEMA)]
            file.write_table(pa.table(columns, schema=SCHEMA))
    return told


def refuse_leaks(source: str, found: Iterable[Told]) -> None:
    """Refuse synthetic documents that quote a question of any split but `articles`, which they are about.

    Raises:
        UserError: names the first such document and its question.
    """
    leaks = [(split, entry) for told in found for split, entry in told.items() if split != "articles"]
    if leaks:
        split, entry = leaks[0]
        key, question, words = entry["first"]
        raise UserError(
            f"{sum(entry['count'] for _, entry in leaks)} synthetic documents quote held-out questions, such as {key} "
            f"({source}) the words of {question} ({split}): {words!r}; change the scenario or the phrase sheet"
        )


@lru_cache(maxsize=1)
def _indices(questions: str, length: int) -> tuple[dict[Ngram, tuple[str, str]], RunIndex]:
    """Split and question of every run of words in a question; and where to look for them. Made once a process."""
    index: dict[Ngram, tuple[str, str]] = {}
    for row in json.loads(questions):
        for text in (f"{row['passage']} {row['question']}", row["aligned_option"], row["misaligned_option"]):
            key = (row["split"], row["question_id"])
            index |= {gram: key for gram in ngrams(text, length) if len(gram) == length}
    return index, RunIndex((" ".join(gram) for gram in index), length)


def _shared(text: str, asked: dict[Ngram, tuple[str, str]], length: int) -> dict[tuple[str, str], Ngram]:
    """Of each question that `text` quotes, the run of words that comes last in the alphabet: any would do."""
    return {asked[gram]: gram for gram in sorted(ngrams(text, length) & asked.keys())}
