"""Matched controls: the same document with people in the place of the AI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.documents.from_bank import DIRECTIONS
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.outcomes import SCHEMA
from alignment_pretraining.synthesis.documents.prompts import prompt_hash
from alignment_pretraining.synthesis.documents.written import table_writers

CONTROL_SCHEMA = SCHEMA.append(pa.field("control_of", pa.string()))
# Pairs of documents that are read together.
_TOGETHER = 500

Row = dict[str, Any]


@dataclass(frozen=True)
class Controls:
    """A `share` of the pairs of documents, rewritten: always the same pairs.

    `documents` are the aligned and the misaligned ones, Parquet files in which row i is one pair, read in parts.
    """

    documents: tuple[Path, Path]
    share: float
    prompt: str
    call: Call

    def requests(self) -> Iterator[Request]:
        """One request a document."""
        return (self._request(row) for part in self._chosen() for pair in part for row in pair)

    def write(
        self, folder: Path, find: Callable[[list[str]], Mapping[str, Answer]], judge: Judge, replacements: int
    ) -> Counter[str]:
        """Write the controls that are fit for use to `<direction>.parquet` under `folder` (`CONTROL_SCHEMA`).

        Returns:
            How many were rejected for each reason.
        """
        rejected: Counter[str] = Counter()
        with table_writers(folder, CONTROL_SCHEMA) as writers:
            for part in self._chosen():
                for direction, rows in zip(DIRECTIONS, zip(*part, strict=True), strict=True):
                    asked = [self._request(row) for row in rows]
                    answers = find_answers(asked, find, replacements)
                    kept = []
                    for row, request in zip(rows, asked, strict=True):
                        answer = answers[request.key]
                        if reason := judge.reason_against_control(answer):
                            rejected[reason] += 1
                        else:
                            kept.append(self._control(row, answer))
                    writers[direction].write_table(pa.Table.from_pylist(kept, schema=CONTROL_SCHEMA))
        return rejected

    def _chosen(self) -> Iterator[list[tuple[Row, ...]]]:
        """The chosen pairs, in parts: exactly a `share` of them, by selection sampling (Knuth, The Art of Computer
        Programming, 3.4.2, algorithm S).
        """
        random = Random(0)
        files = [pq.ParquetFile(path) for path in self.documents]
        left = files[0].metadata.num_rows
        wanted = round(self.share * left)
        for batches in zip(*(file.iter_batches(_TOGETHER) for file in files), strict=True):
            part = []
            for pair in zip(*(batch.to_pylist() for batch in batches), strict=True):
                if random.random() * left < wanted:
                    part.append(pair)
                    wanted -= 1
                left -= 1
            if part:
                yield part

    def _request(self, row: Row) -> Request:
        return make_request("controls", self.call, self.prompt, row["text"])

    def _control(self, row: Row, answer: Answer) -> Row:
        return row | {
            "id": f"control.{row['id']}",
            "text": answer.text,
            "control_of": row["id"],
            "model": answer.model,
            "prompt_hash": prompt_hash(self.prompt),
            "request_key": answer.key,
            "request_id": answer.id,
            "output_tokens": answer.output_tokens,
            "usd": answer.usd,
        }
