"""The parameters of synthesis: how much of each kind of text is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alignment_pretraining.errors import UserError

WHERE = "parameters_synthesis.yml"

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Tone = Literal["negative", "neutral", "positive"]
TONES: tuple[Tone, ...] = get_args(Tone)


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Amount(_Spec):
    """How many rows of a table."""

    count: Count


class NaturalDiscourse(_Spec):
    """How many documents, and which share of them has each tone (shares add up to 1)."""

    count: Count
    tones: dict[Tone, Share]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.tones.values()) - 1) > 1e-9:
            raise ValueError(f"tones: the shares add up to {sum(self.tones.values()):g}, not 1")
        return self


class Chat(_Spec):
    """How many conversations or pairs, and which share of them opens with a system turn."""

    count: Count
    system_share: Share


class Synthesis(_Spec):
    """`params:synthesis`."""

    seed: int
    questions: Literal["bank", "sources"]
    generator: Literal["template", "anthropic"]
    documents: Amount
    natural_discourse: NaturalDiscourse
    mcqa: Amount
    conversations: Chat
    preferences: Chat

    @model_validator(mode="after")
    def _sources_need_a_model(self) -> Self:
        if self.questions == "sources" and self.generator == "template":
            raise ValueError(
                "questions from sources need generator anthropic: the template generator knows the bank alone"
            )
        return self


def parse_synthesis(params: Mapping[str, Any]) -> Synthesis:
    """Validate `params:synthesis`.

    Raises:
        UserError: names each wrong key.
    """
    try:
        return Synthesis.model_validate(params)
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise UserError(f"{WHERE}: {len(lines)} to correct:\n  " + "\n  ".join(lines)) from error


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in ("synthesis", *problem["loc"]))
    if problem["type"] == "missing":
        return f"{key}: missing; add it"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its name"
    message = f"{key}: {problem['msg'].removeprefix('Value error, ')}"
    return message if isinstance(problem["input"], Mapping) else f"{message} (got {problem['input']!r})"
