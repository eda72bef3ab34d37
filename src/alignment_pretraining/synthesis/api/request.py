"""A request to the Messages API, and the key under which its answer is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import orjson

from alignment_pretraining.synthesis.api.config import ApiConfig, Call


@dataclass(frozen=True)
class Request:
    """Parameters of one message. `step` is a line of the cost sheet; `sample` tells equal prompts apart.

    `replacement` counts the samples before this one that were refused.
    """

    step: str
    params: dict[str, Any]
    expected_tokens: int
    sample: int = 0
    replacement: int = 0

    @cached_property
    def key(self) -> str:
        """SHA-256 of model, parameters, prompt and sample: 64 hexadecimal digits, as many as a `custom_id` may have."""
        samples = (self.sample, self.replacement) if self.replacement else (self.sample,)
        content = orjson.dumps([self.params, *samples], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()

    def replaced(self) -> Request:
        """The request for another sample of the same text."""
        return replace(self, replacement=self.replacement + 1)

    @property
    def model(self) -> str:
        """Name of the model that is asked."""
        return str(self.params["model"])

    @cached_property
    def size(self) -> int:
        """Bytes of the parameters as JSON."""
        return len(orjson.dumps(self.params))

    def most_usd(self, config: ApiConfig) -> float:
        """What the answer can cost at most: a token has at least one byte, and the output ends at `max_tokens`."""
        rates = config.price(self.model).rates(self.size)
        dearest = max(rates.input, rates.cache_write)
        return config.discount * (self.size * dearest + int(self.params["max_tokens"]) * rates.output) / 1e6


def make_request(
    step: str,
    call: Call,
    shared: str,
    prompt: str,
    sample: int = 0,
    schema: dict[str, Any] | None = None,
    seed: str | None = None,
) -> Request:
    """A request for one text.

    Args:
        step: What the text is for; by it the cost sheet is broken down.
        call: Model and limits.
        shared: Part of the prompt that comes first and that the API caches.
        prompt: The rest of it.
        sample: Tells apart several answers to the same prompt.
        schema: Makes the answer JSON of that shape.
        seed: What a temperature is drawn by; without one, the prompt.
    """
    params: dict[str, Any] = {
        "model": call.model,
        "max_tokens": call.max_tokens,
        "thinking": {"type": "enabled", "budget_tokens": call.thinking}
        if isinstance(call.thinking, int)
        else {"type": call.thinking},
        "system": [{"type": "text", "text": shared, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": prompt}],
    }
    temperature = call.draw_temperature(prompt if seed is None else seed)
    if temperature is not None:
        params["temperature"] = temperature
    if schema is not None:
        params["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return Request(step, params, call.expected_tokens, sample)


Requests = Callable[[], Iterable[Request]]  # may be called again: requests are too many to be kept

# Requests that are looked up together.
_TOGETHER = 1000


def parts(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Requests in lists short enough to look up at once."""
    iterator = iter(requests)
    while part := list(islice(iterator, _TOGETHER)):
        yield part
