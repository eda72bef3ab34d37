"""The cost sheet: what a list of requests will cost, before any of them is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from alignment_pretraining.synthesis.api.answer import cost
from alignment_pretraining.synthesis.api.client import clean_errors, make_client
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.request import Request, Requests, parts
from alignment_pretraining.synthesis.api.store import Store

Counter = Callable[[Request, bool], int]  # tokens of a request's input, or of its shared prefix alone

# Prompts of a step that the API counts; the others are taken in proportion to their length.
_COUNTED = 20


@dataclass
class Line:
    """One step of the sheet, all its requests together. `answered` of them are paid for already."""

    step: str
    requests: int = 0
    answered: int = 0
    input_tokens: float = 0.0
    cached_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float = 0.0

    @property
    def usd_left(self) -> float:
        """Dollars for the requests without an answer."""
        return self.usd * (1 - self.answered / max(1, self.requests))


@dataclass
class _Step:
    requests: int = 0
    size: int = 0
    answered: int = 0
    answered_tokens: int = 0
    sample: list[Request] = field(default_factory=list)


def cost_sheet(requests: Requests, config: ApiConfig, store: Store, count: Counter | None = None) -> list[Line]:
    """Tokens and dollars of each step, for all requests and in the configured mode.

    Input is counted by the API on a sample of the prompts (which is free). Output is what the stored answers of a step
    have on average, or else `expected_tokens`. Prefixes that are long enough are cached for a share `cache_hits`.

    Raises:
        UserError: there is no key, no price, or no answer from the API.
    """
    steps: dict[str, _Step] = {}
    rng = Random(0)
    for part in parts(requests()):
        answers = store.find([request.key for request in part])
        for request in part:
            step = steps.setdefault(request.step, _Step())
            step.requests += 1
            step.size += request.size
            if request.key in answers:
                step.answered += 1
                step.answered_tokens += answers[request.key].output_tokens
            _draw(step, request, rng)
    with clean_errors():
        count = count or _api_counter(config)
        return [_line(name, step, config, count) for name, step in steps.items()]


def _line(name: str, step: _Step, config: ApiConfig, count: Counter) -> Line:
    first = step.sample[0]
    price = config.price(first.model)
    tokens_a_byte = sum(count(request, False) for request in step.sample) / sum(request.size for request in step.sample)
    tokens = tokens_a_byte * step.size / step.requests
    prefix = count(first, True)
    cached = prefix if prefix >= price.min_cached_tokens else 0
    output = step.answered_tokens / step.answered if step.answered else first.expected_tokens
    read, written = cached * config.cache_hits, cached * (1 - config.cache_hits)
    usd = step.requests * cost(price, config.discount, tokens - cached, written, read, output)
    count_all = step.requests
    return Line(name, count_all, step.answered, count_all * tokens, count_all * read, count_all * output, usd)


def _api_counter(config: ApiConfig) -> Counter:
    messages = make_client(config).messages

    def count(request: Request, prefix_alone: bool) -> int:
        params = {name: request.params[name] for name in ("model", "messages", "system")}
        whole = messages.count_tokens(**params).input_tokens
        if not prefix_alone:
            return whole
        del params["system"]
        return whole - messages.count_tokens(**params).input_tokens

    return count


def _draw(step: _Step, request: Request, rng: Random) -> None:
    """Reservoir sampling: each request of a step is in the sample with the same chance."""
    if len(step.sample) < _COUNTED:
        step.sample.append(request)
    elif (place := rng.randrange(step.requests)) < _COUNTED:
        step.sample[place] = request
