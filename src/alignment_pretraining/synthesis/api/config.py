"""The parameters of the API: which models answer, at which prices, and how much may be spent."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.secrets import hide_passwords
from alignment_pretraining.core.spec import Fraction, Positive, Spec

WHERE = "conf/<env>/parameters_anthropic.yml"

# Limits of one message batch, the share of the price that a batch costs, and how long its results are kept (Anthropic
# docs, "Batch processing").
BATCH_REQUESTS = 100_000
BATCH_BYTES = 256_000_000
BATCH_PRICE = 0.5
RESULT_DAYS = 29

Dollars = Annotated[float, Field(ge=0)]


class Rates(Spec):
    """US dollars for a million tokens of each kind."""

    input: Dollars
    cache_write: Dollars
    cache_read: Dollars
    output: Dollars


class LongRates(Rates):
    """What everything costs when the prompt has more than `over_tokens`."""

    over_tokens: Positive


class Price(Rates):
    """Rates as published on `date`; prefixes below `min_cached_tokens` are not cached."""

    date: date
    min_cached_tokens: Positive
    long: LongRates | None = None

    def rates(self, prompt_tokens: float) -> Rates:
        """The rates for a prompt of so many tokens."""
        return self.long if self.long and prompt_tokens > self.long.over_tokens else self


Temperature = Annotated[float, Field(ge=0, le=1)]


class Call(Spec):
    """How one kind of text is asked for. Tokens count thinking too; `expected_tokens` is for the first cost sheet.

    `thinking` is a budget in tokens for the models that take one. It is always sent, because a model left to itself
    may think at length, and thought is billed as output. `temperature` is not sent when null, because newer models
    refuse it; from a range, [lowest, highest], one is drawn for each text.
    """

    model: str
    max_tokens: Positive
    expected_tokens: Positive
    thinking: Literal["disabled", "adaptive"] | Annotated[int, Field(ge=1024)]
    temperature: Temperature | tuple[Temperature, Temperature] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if isinstance(self.thinking, int) and self.thinking >= self.max_tokens:
            raise ValueError(f"thinking: {self.thinking} leaves no room in max_tokens {self.max_tokens}")
        if self.thinking != "disabled" and self.temperature not in (None, 1):
            raise ValueError("temperature: the API takes none beside thinking; set it to null")
        if isinstance(self.temperature, tuple) and self.temperature[0] > self.temperature[1]:
            raise ValueError("temperature: a range is [lowest, highest]")
        return self

    def draw_temperature(self, seed: str) -> float | None:
        """The temperature of one text; of a range, two decimals."""
        if isinstance(self.temperature, tuple):
            return round(Random(seed).uniform(*self.temperature), 2)
        return self.temperature


class ApiConfig(Spec):
    """Where and how requests are sent. `queued` and `batch_size` count requests; `concurrency` is for streaming.

    Attributes:
        refused_share: Share of the requests of a step that may be refused; with more, the run stops.
        replacements: New samples that are asked for in the place of a refused one.
        lost_after_seconds: How long a batch of which nothing is known is looked for.
        lost_batches: Ids of batches that the user knows to be gone; their requests are asked for again.
        prices: By exact name of the model, the one asked for and the one that answers.
    """

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
    refused_share: Fraction = 0.1
    replacements: Annotated[int, Field(ge=0)] = 2
    lost_after_seconds: Annotated[float, Field(gt=0)] = 300
    lost_batches: list[str] = []
    prices: dict[str, Price]

    @field_validator("base_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value and hide_passwords(value) != value:
            raise ValueError("base_url: no password in the address, it would be kept with the results")
        return value

    def price(self, model: str) -> Price:
        """Price of `model`, by its exact name.

        Raises:
            UserError: there is none.
        """
        if model not in self.prices:
            raise UserError(f"{WHERE}: anthropic.api.prices: no price for {model}; add one, with its date")
        return self.prices[model]

    @property
    def discount(self) -> float:
        """Share of the listed price that the mode costs."""
        return BATCH_PRICE if self.mode == "batch" else 1.0
