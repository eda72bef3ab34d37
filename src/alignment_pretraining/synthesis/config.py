"""The parameters of synthesis: how much of each kind of text is made."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import model_validator

from alignment_pretraining.core.spec import Fraction, Positive, Spec

Tone = Literal["negative", "neutral", "positive"]
TONES: tuple[Tone, ...] = get_args(Tone)


class Amount(Spec):
    """How many rows of a table."""

    count: Positive


class NaturalDiscourse(Spec):
    """How many documents, and which share of them has each tone (shares add up to 1)."""

    count: Positive
    tones: dict[Tone, Fraction]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.tones.values()) - 1) > 1e-9:
            raise ValueError(f"tones: the shares add up to {sum(self.tones.values()):g}, not 1")
        return self


class Chat(Spec):
    """How many conversations or pairs, and which share of them opens with a system turn."""

    count: Positive
    system_share: Fraction


class Synthesis(Spec):
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
