"""The parameters of the API: which models answer, at which prices, and how much may be spent."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.core.spec import Positive, Spec

WHERE = "conf/<env>/parameters_anthropic.yml"

# Limits of one message batch, and the share of the price that a batch costs (Anthropic docs, "Batch processing").
BATCH_REQUESTS = 100_000
BATCH_BYTES = 256_000_000
BATCH_PRICE = 0.5

Dollars = Annotated[float, Field(ge=0)]


class Price(Spec):
    """US dollars for a million tokens, as published on `date`; prefixes below `min_cached_tokens` are not cached."""

    date: date
    input: Dollars
    cache_write: Dollars
    cache_read: Dollars
    output: Dollars
    min_cached_tokens: Positive


class Call(Spec):
    """How one kind of text is asked for. Tokens count thinking too; `expected_tokens` is for the first cost sheet.

    `thinking` is a budget in tokens for the models that take one. It is always sent, because a model left to itself
    may think at length, and thought is billed as output. `temperature` is not sent when null: newer models refuse it.
    """

    model: str
    max_tokens: Positive
    expected_tokens: Positive
    thinking: Literal["disabled", "adaptive"] | Annotated[int, Field(ge=1024)]
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if isinstance(self.thinking, int) and self.thinking >= self.max_tokens:
            raise ValueError(f"thinking: {self.thinking} leaves no room in max_tokens {self.max_tokens}")
        if self.thinking != "disabled" and self.temperature not in (None, 1):
            raise ValueError("temperature: the API takes none beside thinking; set it to null")
        return self


class ApiConfig(Spec):
    """Where and how requests are sent. `queued` and `batch_size` count requests; `concurrency` is for streaming."""

    base_url: str | None
    mode: Literal["batch", "stream"]
    max_usd: Dollars
    batch_size: Annotated[int, Field(gt=0, le=BATCH_REQUESTS)]
    queued: Positive
    poll_seconds: Annotated[float, Field(gt=0)]
    concurrency: Positive
    retries: Annotated[int, Field(ge=0)]
    timeout_seconds: Annotated[float, Field(gt=0)]
    cache_hits: Annotated[float, Field(ge=0, le=1)]
    prices: dict[str, Price]

    @field_validator("base_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value and hide_passwords(value) != value:
            raise ValueError("base_url: no password in the address, it would be kept with the results")
        return value

    def find_price(self, model: str) -> Price | None:
        """Price of `model`, which may carry a date that its name here does not; None when there is none."""
        names = [name for name in self.prices if model == name or model.startswith(f"{name}-")]
        return self.prices[max(names, key=len)] if names else None

    def price(self, model: str) -> Price:
        """Price of `model`, as `find_price`.

        Raises:
            UserError: there is none.
        """
        price = self.find_price(model)
        if price is None:
            raise UserError(f"{WHERE}: anthropic.api.prices: no price for {model}; add one, with its date")
        return price

    @property
    def discount(self) -> float:
        """Share of the listed price that the mode costs."""
        return BATCH_PRICE if self.mode == "batch" else 1.0
