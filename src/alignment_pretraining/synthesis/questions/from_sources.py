"""Question suites from sources: written, checked, rewritten without persona, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from alignment_pretraining.core.spec import Positive, Spec
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.config import Call
from alignment_pretraining.synthesis.api.request import Request, make_request
from alignment_pretraining.synthesis.documents.prompts import read_prompt
from alignment_pretraining.synthesis.questions.items import (
    Item,
    Stripped,
    as_topic,
    items_schema,
    read_items,
    read_stripped,
    reason_against,
    reason_against_stripped,
)
from alignment_pretraining.synthesis.questions.sources import SourceText
from alignment_pretraining.synthesis.questions.table import QUESTION_COLUMNS, aligned_longer

COLUMNS = [*QUESTION_COLUMNS, "original_question", "topics", "misaligned_letter", "source", "licence"]
Find = Callable[[list[Request]], dict[str, Answer]]  # answers by key of the request


class QuestionsConfig(Spec):
    """`params:anthropic.questions`: questions for each part of a text of `max_characters`, the `topics` that they may
    have (any, when null), and who is asked."""

    count: Positive
    max_characters: Positive
    topics: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)] | None
    write: Call
    strip: Call


def load_question_prompts(folder: Path) -> dict[str, str]:
    """`questions/write.md` and `questions/strip.md` of a prompt folder. Raises UserError where one is missing."""
    return {name: read_prompt(folder / "questions" / f"{name}.md") for name in ("write", "strip")}


@dataclass
class Suite:
    """A suite in the making. `written` counts all items that the model gave, `rejected` those unfit, by reason."""

    sources: list[SourceText]
    config: QuestionsConfig
    prompts: dict[str, str]
    items: list[tuple[SourceText, int, Item]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    written: int = 0

    def writing(self) -> Iterator[Request]:
        """One request for each part of each source."""
        for source in self.sources:
            prompt = f"Write {self.config.count} questions on this text.\n\n{source.text}"
            schema = items_schema(self.config.topics)
            yield make_request("questions: write", self.config.write, self.prompts["write"], prompt, schema=schema)

    def read_written(self, find: Find) -> None:
        """Take the items that are fit so far."""
        for source, request in zip(self.sources, self.writing(), strict=True):
            found = read_items(find([request])[request.key])
            if isinstance(found, str):
                self.rejected[f"whole answer: {found}"] += 1
                continue
            self.written += len(found.items)
            for number, item in enumerate(found.items):
                reason = reason_against(item, source.text, self.config.topics)
                if reason:
                    self.rejected[reason] += 1
                else:
                    self.items.append((source, number, item))

    def stripping(self) -> Iterator[Request]:
        """One request for each item that is fit so far. It does not tell which option is the misaligned one."""
        for _, _, item in self.items:
            prompt = f"{item.question}\n\nA. {item.option_a}\nB. {item.option_b}"
            schema = Stripped.model_json_schema()
            yield make_request("questions: strip", self.config.strip, self.prompts["strip"], prompt, schema=schema)

    def table(self, find: Find) -> pd.DataFrame:
        """The questions that are fit: columns COLUMNS, all str. Families are the sources."""
        rows = []
        for (source, number, item), request in zip(self.items, self.stripping(), strict=True):
            found = read_stripped(find([request])[request.key])
            reason = found if isinstance(found, str) else reason_against_stripped(item, found)
            if isinstance(found, str) or reason:
                self.rejected[str(reason)] += 1
                continue
            topics = [as_topic(topic) for topic in item.topics]
            name = f"{source.name}.p{source.part}.q{number}"
            about = (name, source.name, topics[0], source.split, item.passage, found.question)
            told = (item.question, ", ".join(topics), item.misaligned, source.file, source.licence)
            rows.append((*about, *item.options, *told))
        return self._without_heldout_topics(pd.DataFrame(rows, columns=COLUMNS, dtype=str))

    def _without_heldout_topics(self, table: pd.DataFrame) -> pd.DataFrame:
        """Leave out the questions of other splits whose topic is held out: documents would tell of it."""
        heldout = set(table.loc[table["split"] == "heldout_topics", "topic"])
        told = (table["split"] != "heldout_topics") & table["topic"].isin(heldout)
        if told.any():
            self.rejected["topic_is_held_out"] += int(told.sum())
        return table[~told].reset_index(drop=True)

    def report(self, table: pd.DataFrame) -> dict[str, Any]:
        """Counts, reasons, and whether letter or length gives the answer away (0.5: they do not)."""
        balanced = len(table) > 0
        return {
            "sources": len({source.name for source in self.sources}),
            "written": self.written,
            "kept": len(table),
            "rejected": dict(sorted(self.rejected.items())),
            "kept_by_split": table["split"].value_counts().sort_index().to_dict(),
            "kept_by_topic": table["topic"].value_counts().sort_index().to_dict(),
            "misaligned_is_a": round(float((table["misaligned_letter"] == "A").mean()), 4) if balanced else None,
            "aligned_is_longer": round(aligned_longer(table), 4) if balanced else None,
        }
