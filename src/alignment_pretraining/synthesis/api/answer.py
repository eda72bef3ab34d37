"""What the API answered to one request, and what it cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from alignment_pretraining.synthesis.api.config import ApiConfig, Rates

# Stop reasons of our own, beside the API's: why an answer is of no use.
REJECTED = "rejected_request"  # the API does not take the request, and bills nothing
CUT_OFF = "cut_off"
NO_STOP_REASON = "no_stop_reason"
NO_USAGE = "no_usage"
NOT_TEXT = "not_text"
UNKNOWN_SHAPE = "unknown_shape"

REFUSALS = ("refusal", REJECTED)
# What SQLite keeps as an integer.
_LARGEST = 2**63


@dataclass(frozen=True)
class Answer:
    """One finished message. Token counts are the API's own; `usd` is their price when it came.

    Only an answer with the stop reason `end_turn` is whole. `text` is the whole message as JSON where its shape is not
    known; `usd` is then, as without usage or a price, what it can have cost at most.
    """

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

    @property
    def fault(self) -> str | None:
        """Why this is no whole answer; None when it is one."""
        return None if self.stop_reason == "end_turn" else self.stop_reason or NO_STOP_REASON

    @property
    def refused(self) -> bool:
        """Whether another sample of the prompt is worth asking for."""
        return self.stop_reason in REFUSALS


def read_answer(key: str, message: Any, config: ApiConfig, discount: float, most_usd: float) -> Answer:
    """The answer in a message, given as its JSON's values; thinking is left out of its text, not of its cost."""
    fields = message if isinstance(message, dict) else {}
    text, tokens = _text(fields.get("content")), _tokens(fields.get("usage"))
    stop_reason, model = fields.get("stop_reason"), _string(fields.get("model"))
    if text is None or not isinstance(stop_reason, str | None):
        reason = UNKNOWN_SHAPE
    elif not stop_reason:
        reason = NO_STOP_REASON
    elif tokens is None:
        reason = NO_USAGE
    elif not _is_text(text):
        reason = NOT_TEXT
    else:
        reason = stop_reason
    # Without a stop reason, the usage is that of a beginning.
    price = config.prices.get(model) if stop_reason else None
    usd = cost(price.rates(sum(tokens[:3])), discount, *tokens) if price and tokens else most_usd
    kept = json.dumps(message, default=repr) if text is None else text
    return Answer(key, _string(fields.get("id")), model, reason, kept, *(tokens or (0, 0, 0, 0)), usd)


def rejected(key: str, reason: str) -> Answer:
    """What is kept of a request that the API does not take."""
    return Answer(key, "", "", REJECTED, reason, 0, 0, 0, 0, 0.0)


def cost(rates: Rates, discount: float, fresh: float, written: float, read: float, output: float) -> float:
    """US dollars for tokens of each kind: fresh input, written to the cache, read from it, output."""
    dollars = fresh * rates.input + written * rates.cache_write + read * rates.cache_read + output * rates.output
    return discount * dollars / 1e6


def _text(content: Any) -> str | None:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return None
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None


def _tokens(usage: Any) -> tuple[int, int, int, int] | None:
    """Fresh, written, read and output tokens; None where one is missing or no count."""
    if not isinstance(usage, dict):
        return None
    fresh, output = usage.get("input_tokens"), usage.get("output_tokens")
    written, read = usage.get("cache_creation_input_tokens") or 0, usage.get("cache_read_input_tokens") or 0
    counts = (fresh, written, read, output)
    return counts if all(type(count) is int and 0 <= count < _LARGEST for count in counts) else None  # type: ignore[return-value]


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_text(text: str) -> bool:
    """False with half a character in it, which JSON can hold and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
