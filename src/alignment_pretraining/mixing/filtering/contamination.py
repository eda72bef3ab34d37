"""Which documents quote the question suites: runs of 13 words that both have (arXiv 2005.14165, appendix C)."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.ngrams import Ngram, ngrams
from alignment_pretraining.execution.store import TaskStatistics
from alignment_pretraining.mixing.corpus.parts import Part, batches
from alignment_pretraining.mixing.filtering.runs import RunIndex

_TEXT = ("id", "split", "question_id", "words")
SCHEMA = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in _TEXT)])
NAME = "contamination.parquet"


def find_contamination(questions: str, length: int, part: Part, folder: Path) -> TaskStatistics:
    """Write a row for each document of a part and each question with a run of `length` words in common.

    `questions` is the suite, its rows as JSON. Tells the first row of each split, with how many there are: a document
    that quotes two questions is in two rows.
    """
    asked = _asked(questions, length)
    told: TaskStatistics = {}
    first = 0
    with pq.ParquetWriter(folder / NAME, SCHEMA) as file:
        for ids, texts in batches(part.path):
            rows = [
                (first + row, ids[row], *key, " ".join(gram))
                for row, near in asked.runs.find(texts).items()
                for key, gram in asked.shared(texts[row], near).items()
            ]
            first += len(ids)
            for _, key, split, question, words in rows:
                entry = told.setdefault(split, {"count": 0, "first": [key, question, words]})
                entry["count"] += 1
            columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(SCHEMA)]
            file.write_table(pa.table(columns, schema=SCHEMA))
    return told


def refuse_leaks(source: str, found: Iterable[TaskStatistics]) -> None:
    """Refuse synthetic documents that quote a question of any split but `articles`, which they are about.

    Raises:
        UserError: names the first such document and its question.
    """
    leaks = [(split, entry) for told in found for split, entry in told.items() if split != "articles"]
    if leaks:
        split, entry = leaks[0]
        key, question, words = entry["first"]
        raise UserError(
            f"synthetic documents quote held-out questions {sum(entry['count'] for _, entry in leaks)} times, such as "
            f"{key} ({source}) the words of {question} ({split}): {words!r}; change the scenario or the phrase sheet"
        )


class _Asked:
    """The texts of the questions, and where to look for their runs of words."""

    def __init__(self, rows: list[dict[str, str]], length: int) -> None:
        self._length = length
        self._texts = [
            (text, (row["split"], row["question_id"]))
            for row in rows
            for text in (f"{row['passage']} {row['question']}", row["aligned_option"], row["misaligned_option"])
        ]
        self.runs = RunIndex([text for text, _ in self._texts], length)

    def shared(self, text: str, near: Iterable[int]) -> dict[tuple[str, str], Ngram]:
        """Of each question that `text` quotes, among the texts `near`, a run of words: any would do."""
        own = ngrams(text, self._length)
        found = {}
        for number in sorted(near):
            asked, key = self._texts[number]
            common = own & ngrams(asked, self._length)
            if common:
                found[key] = max(common)
        return found


@lru_cache(maxsize=1)
def _asked(questions: str, length: int) -> _Asked:
    """Made once a process."""
    return _Asked(json.loads(questions), length)
