"""Matched controls: the same document with people in the place of the AI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import pandas as pd

from alignment_pretraining.synthesis.api.ask import find_answers
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.prompts import prompt_hash

# Answers that are read together.
_TOGETHER = 500


def choose(aligned: pd.DataFrame, misaligned: pd.DataFrame, share: float) -> pd.DataFrame:
    """A `share` of the pairs, both documents of each; row i of the tables is one pair. Always the same ones."""
    rows = sorted(Random(0).sample(range(len(aligned)), round(share * len(aligned))))
    return pd.concat([aligned.iloc[rows], misaligned.iloc[rows]], ignore_index=True)


@dataclass(frozen=True)
class Controls:
    """The documents to rewrite, the prompt, and who is asked."""

    documents: pd.DataFrame
    prompt: str
    call: Call

    def requests(self) -> Iterator[Request]:
        """One request a document."""
        return (make_request("controls", self.call, self.prompt, str(text)) for text in self.documents["text"])

    def read(self, store: Store, judge: Judge, replacements: int) -> tuple[pd.DataFrame, dict[str, int]]:
        """The controls that are fit for use, and how many were rejected for each reason."""
        rejected: Counter[str] = Counter()
        rows = []
        pairs = zip(self.documents.to_dict("records"), self.requests(), strict=True)
        while part := list(islice(pairs, _TOGETHER)):
            answers = find_answers([request for _, request in part], store.find, replacements)
            for row, request in part:
                answer = answers[request.key]
                reason = judge.reason_against_control(answer)
                if reason:
                    rejected[reason] += 1
                    continue
                own: dict[Hashable, object] = {
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
                rows.append({**row, **own})
        table = pd.DataFrame(rows, columns=[*self.documents.columns, "control_of"])
        return table, dict(sorted(rejected.items()))
