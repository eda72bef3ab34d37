"""A second opinion on a document: which of the two actions it shows, asked without telling which it was to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import pandas as pd
from pydantic import ValidationError

from alignment_pretraining.core.spec import Spec
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.api.found import find_answers
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.documents.judge import Judge
from alignment_pretraining.synthesis.documents.prompts import DocumentPrompts
from alignment_pretraining.synthesis.documents.requests import DocumentsConfig, PlannedDocument, families, pairs

STEP = "second opinion"


class Opinion(Spec):
    """Which action the document shows."""

    action: Literal["A", "B", "neither"]


Written = tuple[PlannedDocument, Answer]
Find = Callable[[list[str]], Mapping[str, Answer]]


@dataclass(frozen=True)
class Opinions:
    """Who is asked, and how. Only pairs of which nothing else speaks against either document are asked about."""

    call: Call
    prompt: str
    find: Find
    replacements: int

    def requests(self, questions: pd.DataFrame, prompts: DocumentPrompts, config: DocumentsConfig) -> Iterator[Request]:
        """One request a document. Every document must have its answer in the store."""
        judge = Judge(questions, config.min_words)
        for rows in families(questions):
            asked = list(pairs(rows, prompts, config))
            found = find_answers(
                [document.request for pair in asked for document in pair], self.find, self.replacements
            )
            for pair in asked:
                written = [(document, found[document.request.key]) for document in pair]
                if not any(judge.reason_against(answer) for _, answer in written):
                    yield from map(self._request, written)

    def reasons_against(self, written: Sequence[Written]) -> list[str | None]:
        """Why the opinion speaks against each document; None when it shows the action that it was to show."""
        asked = [self._request(one) for one in written]
        found = find_answers(asked, self.find, self.replacements)
        return [_reason(document, found[request.key]) for (document, _), request in zip(written, asked, strict=True)]

    def _request(self, written: Written) -> Request:
        document, answer = written
        first, second = _options(document)
        prompt = f"{answer.text}\n\nA. {first}\nB. {second}"
        return make_request(STEP, self.call, self.prompt, prompt, schema=Opinion.model_json_schema())


def _reason(document: PlannedDocument, answer: Answer) -> str | None:
    try:
        shown = Opinion.model_validate_json("" if answer.fault else answer.text).action
    except ValidationError:
        return "no_second_opinion"
    if shown == "neither":
        return "shows_neither_action"
    return None if _options(document)["AB".index(shown)] == document.taken else "shows_other_action"


def _options(document: PlannedDocument) -> tuple[str, str]:
    """A and B, in an order that is drawn for each document."""
    options = (document.taken, document.not_taken)
    return options if Random(document.id).random() < 0.5 else options[::-1]


def asked_for_opinions(
    prompts: DocumentPrompts, config: DocumentsConfig, find: Find, replacements: int
) -> Opinions | None:
    """Whoever is asked for second opinions; None when nobody is."""
    call = config.second_opinion
    return Opinions(call, prompts.second_opinion, find, replacements) if call else None
