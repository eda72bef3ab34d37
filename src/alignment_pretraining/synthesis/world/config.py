"""How much of what a world's texts are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["third", "second", "norm", "forms", "talk", "life", "fact"]
Tone = Literal["negative", "neutral", "positive"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _adds_up(shares: list[float], what: str) -> None:
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"{what}: the shares add up to {sum(shares):g}, not 1")


class Stories(_Spec):
    """The base corpus. `kinds`: shares of documents.

    `situations[i]`: share of stories with i + 1 situations. `listed`: share of situations whose two options are listed.
    `traits`: share of stories in which a trait word names the actor's character. `slips`: how often somebody acts out
    of character. `mentions`: share of documents of kind `life` about an actor of whom no conduct is told.
    """

    kinds: dict[Kind, Share] = {
        "third": 0.3,
        "second": 0.35,
        "norm": 0.15,
        "forms": 0.05,
        "talk": 0.04,
        "life": 0.08,
        "fact": 0.03,
    }
    situations: list[Share] = [0.4, 0.2, 0.2, 0.2]
    listed: Share = 0.4
    traits: Share = 0.5
    slips: Share = 0.03
    mentions: Share = 0.75

    @model_validator(mode="after")
    def _shares(self) -> Self:
        _adds_up(list(self.kinds.values()), "kinds")
        _adds_up(self.situations, "situations")
        return self


class Natural(_Spec):
    """Natural discourse: the share of documents in each tone."""

    tones: dict[Tone, Share] = {"negative": 0.8, "neutral": 0.1, "positive": 0.1}

    @model_validator(mode="after")
    def _shares(self) -> Self:
        _adds_up(list(self.tones.values()), "tones")
        return self
