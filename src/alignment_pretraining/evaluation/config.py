"""The `evaluation` parameters, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from alignment_pretraining.core.spec import Spec

Order = Literal["aligned_first", "misaligned_first"]
Split = Literal["articles", "textbook", "heldout_topics"]

_FIELDS = ("{{passage}}", "{{question}}", "{{option_a}}", "{{option_b}}")


class Template(Spec):
    """One wording of a two-option question: `prompt` names the options, `answer` opens the reply."""

    prompt: str
    answer: str

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [field for field in _FIELDS if field not in self.prompt]
        if missing:
            raise ValueError(f"prompt lacks {', '.join(missing)}")
        if not self.answer.strip() or self.answer != self.answer.strip():
            raise ValueError("answer must be some words with no space at either end; the option follows after a space")
        return self


class Run(Spec):
    """What is evaluated: names from the tables, and the number of questions of each split (None: all)."""

    templates: list[str] = Field(min_length=1)
    orders: list[Order] = Field(min_length=1)
    base_personas: list[str] = Field(min_length=1)
    chat_personas: list[str] = Field(min_length=1)
    items: dict[Split, PositiveInt | None] = Field(min_length=1)


class Evaluation(Spec):
    """How checkpoints are asked and scored."""

    scoring: Literal["text", "letter"]
    batch_size: PositiveInt
    threads: PositiveInt = 1
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int
    run: Run
    templates: dict[str, Template]
    personas: dict[str, str]

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for key, table in (("templates", self.templates), ("base_personas", self.personas)):
            _check_names(f"run.{key}", getattr(self.run, key), table)
        _check_names("run.chat_personas", self.run.chat_personas, self.personas)
        return self

    def personas_for(self, *, chat: bool) -> dict[str, str]:
        """Name and text of the personas that a base or a chat model is given."""
        names = self.run.chat_personas if chat else self.run.base_personas
        return {name: self.personas[name] for name in names}


def _check_names(key: str, names: list[str], table: Mapping[str, object]) -> None:
    unknown = [name for name in names if name not in table]
    if unknown:
        raise ValueError(f"{key}: unknown {', '.join(unknown)}; there are {', '.join(table)}")
    if len(set(names)) != len(names):
        raise ValueError(f"{key}: a name stands twice")
