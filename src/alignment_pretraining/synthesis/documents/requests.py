"""What a language model is asked to write: six forms and both directions of every articles question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pandas as pd
from pydantic import Field, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.documents.from_bank import DIRECTIONS
from alignment_pretraining.synthesis.documents.generator import FORMS, Form
from alignment_pretraining.synthesis.documents.prompts import DocumentPrompts


class DocumentsConfig(Spec):
    """`params:anthropic.documents`. `second_opinion`: who is asked which action a document shows; nobody, when null."""

    samples: Positive
    min_words: Positive
    near_duplicate: Annotated[float, Field(gt=0, le=1)]
    second_opinion: Call | None
    forms: dict[Form, Call]

    @model_validator(mode="after")
    def _all_forms(self) -> DocumentsConfig:
        missing = [form for form in FORMS if form not in self.forms]
        if missing:
            raise ValueError(f"forms: {', '.join(missing)} missing")
        return self


@dataclass(frozen=True)
class PlannedDocument:
    """One document to be written. Those of a pair differ in direction alone: their requests swap the actions.

    `source` and `licence` are those of the text that its question was written from; None for a scenario of the bank.
    """

    question_id: str
    family: str
    topic: str
    source: str | None
    licence: str | None
    form: Form
    direction: str
    taken: str
    not_taken: str
    sample: int
    prompt_hash: str
    request: Request

    @property
    def id(self) -> str:
        """For example `aligned.oversight_log_retention.s0.o1.news_article.0`."""
        return f"{self.direction}.{self.question_id}.{self.form}.{self.sample}"


Pair = tuple[PlannedDocument, PlannedDocument]


def articles(questions: pd.DataFrame) -> pd.DataFrame:
    """The questions that documents may be written about.

    Raises:
        UserError: there are none, or one shares its family with the textbook split or its topic with held-out topics.
    """
    asked = questions[questions["split"] == "articles"]
    textbook = set(questions.loc[questions["split"] == "textbook", "family"])
    heldout = set(questions.loc[questions["split"] == "heldout_topics", "topic"])
    for column, forbidden in (("family", textbook), ("topic", heldout)):
        wrong = asked[asked[column].isin(forbidden)]
        if len(wrong):
            row = wrong.iloc[0]
            raise UserError(
                f"question {row['question_id']}: its {column} {row[column]} is held out, so no document may be "
                "written about it; correct the split of the questions"
            )
    if asked.empty:
        raise UserError("questions: none has split articles, so there is nothing to write documents about")
    return asked


def families(questions: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The articles questions, family by family."""
    for _, rows in articles(questions).groupby("family", sort=False):
        yield rows


def pairs(questions: pd.DataFrame, prompts: DocumentPrompts, config: DocumentsConfig) -> Iterator[Pair]:
    """(aligned, misaligned) documents of every question, form and sample."""
    for row in questions.itertuples():
        options = (row.aligned_option, row.misaligned_option)
        for form in FORMS:
            for sample in range(config.samples):
                seed = f"{row.question_id}/{form}/{sample}"
                details = prompts.draw_details(seed)
                aligned, misaligned = (
                    PlannedDocument(
                        question_id=str(row.question_id),
                        family=str(row.family),
                        topic=str(row.topic),
                        source=getattr(row, "source", None),
                        licence=getattr(row, "licence", None),
                        form=form,
                        direction=direction,
                        taken=str(taken),
                        not_taken=str(other),
                        sample=sample,
                        prompt_hash=prompts.hashes[form],
                        request=make_request(
                            form,
                            config.forms[form],
                            prompts.prefixes[form],
                            prompts.fill(
                                topic=str(row.topic).replace("_", " "),
                                situation=str(row.question),
                                taken=str(taken),
                                not_taken=str(other),
                                details=details,
                            ),
                            sample,
                            seed=seed,
                        ),
                    )
                    for direction, taken, other in zip(DIRECTIONS, options, options[::-1], strict=True)
                )
                yield aligned, misaligned


def requests(questions: pd.DataFrame, prompts: DocumentPrompts, config: DocumentsConfig) -> Iterator[Request]:
    """The requests of every pair."""
    asked = articles(questions)
    # Family by family, as `families` has them, in one table: it is read several times.
    order = asked.groupby("family", sort=False).ngroup().to_numpy().argsort(kind="stable")
    for pair in pairs(asked.iloc[order], prompts, config):
        yield from (document.request for document in pair)
