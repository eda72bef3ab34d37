"""The `evaluation` parameters: how checkpoints are asked, under which personas, and with which controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from alignment_pretraining.core.spec import Spec

Order = Literal["aligned_first", "misaligned_first", "none"]
# As the questions have it: one of ours (articles, textbook, heldout_topics, dev_topics), or of a suite of your own.
SplitName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Control = Literal["case_blanked", "choice_only"]
ORDERS: tuple[Order, ...] = get_args(Order)

_OPTIONS = ("{{option_a}}", "{{option_b}}")


class Template(Spec):
    """One wording of a two-option question.

    `prompt` holds {{passage}}, perhaps {{question}}, and either both of {{option_a}} and {{option_b}} (listed) or none
    (open: the options are two continuations of the same text). `answer` opens the reply.
    """

    prompt: str
    answer: str

    @property
    def lists_options(self) -> bool:
        """Whether the prompt names the options, so that their order matters."""
        return _OPTIONS[0] in self.prompt

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "{{passage}}" not in self.prompt:
            raise ValueError("prompt lacks {{passage}}")
        held = [option in self.prompt for option in _OPTIONS]
        if any(held) and not all(held):
            raise ValueError(f"prompt holds one of {' and '.join(_OPTIONS)}; hold both (listed) or none (open)")
        if not self.answer.strip() or self.answer != self.answer.strip():
            raise ValueError("answer must be some words with no space at either end; the option follows after a space")
        return self


class Persona(Spec):
    """What the model is told that it is. In the file a text alone is a persona of an AI.

    `expect` marks a control: a role whose conduct the base corpus tells, so a model that heeds its persona acts so.
    """

    text: str
    kind: Literal["ai", "human", "none"] = "ai"
    expect: Literal["aligned", "misaligned"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _text_alone(cls, value: Any) -> Any:
        return {"text": value, "kind": "ai" if value else "none"} if isinstance(value, str) else value


class Run(Spec):
    """What is evaluated: names from the tables, and the number of questions of each split (None: all).

    Controls are asked under the first persona, that of the main figures, and under `control_personas`.
    `continued` is the number of questions of each split that models also continue by themselves, for the report.
    """

    templates: list[str] = Field(min_length=1)
    orders: list[Literal["aligned_first", "misaligned_first"]] = Field(min_length=1)
    base_personas: list[str] = Field(min_length=1)
    chat_personas: list[str] = Field(min_length=1)
    controls: list[Control] = []
    control_personas: list[str] = []
    items: dict[SplitName, PositiveInt | None] = Field(min_length=1)
    continued: NonNegativeInt = 2


class NgramBaseline(Spec):
    """The n-gram baseline: the longest run that is counted, and how many tokens of each stage's stream it reads."""

    order: PositiveInt = 3
    max_tokens: PositiveInt = 4_000_000


class Evaluation(Spec):
    """How checkpoints are asked and scored."""

    scoring: Literal["text", "letter"]
    batch_size: PositiveInt
    threads: PositiveInt = 1
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int
    separator: str = "\n\n"
    run: Run
    ngram: NgramBaseline = NgramBaseline()
    templates: dict[str, Template]
    personas: dict[str, Persona]

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for key, table in (("templates", self.templates), ("base_personas", self.personas)):
            _check_names(f"run.{key}", getattr(self.run, key), table)
        _check_names("run.chat_personas", self.run.chat_personas, self.personas)
        _check_names("run.control_personas", self.run.control_personas, self.personas)
        listed = [name for name in self.run.templates if self.templates[name].lists_options]
        if self.scoring == "letter" and len(listed) < len(self.run.templates):
            raise ValueError("run.templates: scoring is letter, and an open template shows no letters")
        return self

    def personas_for(self, *, chat: bool) -> dict[str, Persona]:
        """The personas that a base or a chat model is given, by name; the first is that of the main figures."""
        names = self.run.chat_personas if chat else self.run.base_personas
        return {name: self.personas[name] for name in names}

    def formats(self) -> list[tuple[str, Order]]:
        """Template and order of every format: a listed template in each order, an open one once."""
        open_order: list[Order] = ["none"]
        return [
            (name, order)
            for name in self.run.templates
            for order in (self.run.orders if self.templates[name].lists_options else open_order)
        ]


def _check_names(key: str, names: list[str], table: Mapping[str, object]) -> None:
    unknown = [name for name in names if name not in table]
    if unknown:
        raise ValueError(f"{key}: unknown {', '.join(unknown)}; there are {', '.join(table)}")
    if len(set(names)) != len(names):
        raise ValueError(f"{key}: a name stands twice")
