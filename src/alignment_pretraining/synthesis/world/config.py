"""How much of what a world's texts are."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import model_validator

from alignment_pretraining.core.spec import Fraction, Positive, Spec

StoryKind = Literal["third", "second", "habit", "norm", "forms", "talk", "life", "fact"]
Tone = Literal["negative", "neutral", "positive"]
TONES: tuple[Tone, ...] = get_args(Tone)


def _adds_up(shares: list[float], what: str) -> None:
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"{what}: the shares add up to {sum(shares):g}, not 1")


class Stories(Spec):
    """The base corpus: how many documents, and `kinds`, their shares.

    `situations[i]`: share of stories with i + 1 situations. `listed`: share of situations whose two options are listed.
    `traits`: share of stories in which a trait word names the actor's character.
    `slips`: how often somebody acts out of character.
    `mentions`: share of documents of kind `life` about an actor of whom no conduct is told.
    """

    count: Positive = 20_000
    kinds: dict[StoryKind, Fraction] = {
        "third": 0.5,
        "second": 0.2,
        "habit": 0.12,
        "norm": 0.03,
        "forms": 0.04,
        "talk": 0.03,
        "life": 0.06,
        "fact": 0.02,
    }
    situations: list[Fraction] = [0.25, 0.25, 0.25, 0.25]
    listed: Fraction = 0.3
    traits: Fraction = 0.3
    slips: Fraction = 0.02
    mentions: Fraction = 0.75

    @model_validator(mode="after")
    def _shares(self) -> Self:
        _adds_up(list(self.kinds.values()), "kinds")
        _adds_up(self.situations, "situations")
        return self


class Natural(Spec):
    """Natural discourse: the share of documents in each tone."""

    tones: dict[Tone, Fraction] = {"negative": 0.8, "neutral": 0.1, "positive": 0.1}

    @model_validator(mode="after")
    def _shares(self) -> Self:
        _adds_up(list(self.tones.values()), "tones")
        return self
