"""What the API answered to one request, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alignment_pretraining.synthesis.api.config import ApiConfig, Price


@dataclass(frozen=True)
class Answer:
    """One finished message. Token counts are the API's own; `usd` is their price when it came."""

    key: str
    id: str
    model: str
    stop_reason: str
    text: str
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    usd: float


def read_answer(key: str, message: Any, config: ApiConfig, discount: float) -> Answer:
    """The answer in a message of the SDK; thinking is left out of its text, not of its cost."""
    usage = message.usage
    tokens = (
        usage.input_tokens,
        usage.cache_creation_input_tokens or 0,
        usage.cache_read_input_tokens or 0,
        usage.output_tokens,
    )
    text = "".join(block.text for block in message.content if block.type == "text")
    usd = cost(config.price(message.model), discount, *tokens)
    return Answer(key, message.id, message.model, message.stop_reason, text, *tokens, usd)


def cost(price: Price, discount: float, fresh: float, written: float, read: float, output: float) -> float:
    """US dollars for tokens of each kind: fresh input, written to the cache, read from it, output."""
    dollars = fresh * price.input + written * price.cache_write + read * price.cache_read + output * price.output
    return discount * dollars / 1e6
