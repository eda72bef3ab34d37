"""The cost sheet: what a list of requests will cost, before any of them is sent, and what it did cost after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anthropic
import httpx2

from alignment_pretraining.synthesis.api.answer import cost
from alignment_pretraining.synthesis.api.client import clean_errors, make_client, retry
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.found import is_final, paid_for
from alignment_pretraining.synthesis.api.request import Request, Requests, parts
from alignment_pretraining.synthesis.api.store import Store

Counter = Callable[[Request, bool], float]  # tokens of a request's input, or of its shared prefix alone

# Prompts of a step that the API counts; the others are taken in proportion to their length.
_COUNTED = 20
# English prose, for servers that count no tokens (those that do not have the path, or the method).
_BYTES_A_TOKEN = 4
_NO_SUCH_PATH = (404, 405, 501)


@dataclass
class Line:
    """One step of the sheet, all its requests together: what `answered` of them took and cost (`usd_paid`), and what
    the others are expected to (`usd_left`). Tokens that are read from the cache are not counted as input. `refused`
    counts requests that were refused at least once."""

    step: str
    requests: int = 0
    answered: int = 0
    input_tokens: float = 0.0
    cached_tokens: float = 0.0
    output_tokens: float = 0.0
    usd_paid: float = 0.0
    usd_left: float = 0.0
    refused: int = 0

    @property
    def usd(self) -> float:
        """Dollars for all of it."""
        return self.usd_paid + self.usd_left

    def __add__(self, other: Line) -> Line:
        names = (
            "requests",
            "answered",
            "input_tokens",
            "cached_tokens",
            "output_tokens",
            "usd_paid",
            "usd_left",
            "refused",
        )
        return Line(self.step, *(getattr(self, name) + getattr(other, name) for name in names))


@dataclass
class _Step:
    line: Line
    left: int = 0
    size: int = 0  # bytes of what is left
    sample: list[Request] = field(default_factory=list)


def cost_sheet(requests: Requests, config: ApiConfig, store: Store, count: Counter | None = None) -> list[Line]:
    """Tokens and dollars of each step, for all requests and in the configured mode.

    What is answered stands with what it cost, refused samples included. For the rest, input is counted by the API on a
    sample of the prompts (which is free), and output is what the answers of the step have on average, or else
    `expected_tokens`. Prefixes that are long enough are cached for a share `cache_hits`. Without a rest no API is used.

    Raises:
        UserError: there is no key, no price, or no answer from the API.
    """
    steps: dict[str, _Step] = {}
    rng = Random(0)
    for part in parts(requests()):
        paid = paid_for(part, store, config.replacements)
        for request in part:
            step = steps.setdefault(request.step, _Step(Line(request.step)))
            line, chain = step.line, paid[request.key]
            line.requests += 1
            line.refused += any(one.refused for one in chain)
            for one in chain:
                line.usd_paid += one.usd
                line.input_tokens += one.input_tokens
                line.cached_tokens += one.cached_tokens
                line.output_tokens += one.output_tokens
            if is_final(chain, config.replacements):
                line.answered += 1
            else:
                step.left += 1
                step.size += request.size
                _draw(step, request, rng)
    with clean_errors():
        if count is None and any(step.left for step in steps.values()):
            count = _api_counter(config)
        return [step.line + _rest(step, config, count) if count and step.left else step.line for step in steps.values()]


def _rest(step: _Step, config: ApiConfig, count: Counter) -> Line:
    """What is left of a step."""
    first = step.sample[0]
    price = config.price(first.model)
    tokens_a_byte = sum(count(request, False) for request in step.sample) / sum(request.size for request in step.sample)
    tokens = tokens_a_byte * step.size / step.left
    prefix = count(first, True)
    cached = prefix if prefix >= price.min_cached_tokens else 0
    output = step.line.output_tokens / step.line.answered if step.line.answered else first.expected_tokens
    read, written = cached * config.cache_hits, cached * (1 - config.cache_hits)
    each = cost(price.rates(tokens), config.discount, max(0.0, tokens - cached), written, read, output)
    left = step.left
    return Line(step.line.step, 0, 0, left * (tokens - read), left * read, left * output, 0.0, left * each)


def _api_counter(config: ApiConfig) -> Counter:
    client = make_client(config)

    def ask(request: Request, names: tuple[str, ...]) -> int:
        params = {name: request.params[name] for name in names}
        return retry(lambda: _number(client.messages.count_tokens(**params).input_tokens), config.retries)

    def count(request: Request, prefix_alone: bool) -> float:
        try:
            whole = ask(request, ("model", "messages", "system"))
            return whole - ask(request, ("model", "messages")) if prefix_alone else whole
        except anthropic.APIStatusError as error:
            if config.base_url is None or error.status_code not in _NO_SUCH_PATH:
                raise
        prefix = sum(len(block["text"].encode()) for block in request.params["system"])
        return (prefix if prefix_alone else request.size) / _BYTES_A_TOKEN

    return count


def _number(tokens: Any) -> int:
    if not isinstance(tokens, int):
        raise httpx2.RemoteProtocolError("something else came in place of a count of tokens")
    return tokens


def _draw(step: _Step, request: Request, rng: Random) -> None:
    """Reservoir sampling: each request that is left of a step is in the sample with the same chance."""
    if len(step.sample) < _COUNTED:
        step.sample.append(request)
    elif (place := rng.randrange(step.left)) < _COUNTED:
        step.sample[place] = request
