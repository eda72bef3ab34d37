"""Every answer to a list of requests: those on disk, and the others from the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import rejected
from alignment_pretraining.synthesis.api.batches import answer_by_batch
from alignment_pretraining.synthesis.api.budget import Budget
from alignment_pretraining.synthesis.api.client import clean_errors
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.cost import Line
from alignment_pretraining.synthesis.api.found import chains, is_final
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.request import Request, Requests, parts
from alignment_pretraining.synthesis.api.session import Session, TooManyRefusals
from alignment_pretraining.synthesis.api.store import Paid, Store
from alignment_pretraining.synthesis.api.stream import answer_by_stream


@dataclass
class Counts:
    """How many requests there are, how many have their answer, how many were refused at least once, and US dollars."""

    requests: int = 0
    answered: int = 0
    refused: int = 0
    usd: float = 0.0
    by_step: dict[str, float] = field(default_factory=dict)

    def add(self, request: Request, chain: Sequence[Paid], final: bool) -> None:
        """Count one request and the answers to it; the last one may be `final`."""
        self.requests += 1
        self.answered += final
        self.refused += any(one.refused for one in chain)
        self.spend(request.step, sum(one.usd for one in chain))

    def spend(self, step: str, usd: float) -> None:
        """Count what answers to a step cost."""
        self.usd += usd
        self.by_step[step] = self.by_step.get(step, 0.0) + usd

    @classmethod
    def on_sheet(cls, lines: Sequence[Line]) -> Counts:
        """What a cost sheet of all requests has counted."""
        return cls(
            requests=sum(line.requests for line in lines),
            answered=sum(line.answered for line in lines),
            refused=sum(line.refused for line in lines),
            usd=sum(line.usd_paid for line in lines),
            by_step={line.step: line.usd_paid for line in lines},
        )


def answer_all(
    requests: Requests, config: ApiConfig, folder: Path, label: str, sheet: Sequence[Line] | None = None
) -> Counts:
    """Have every request answered in the store under `folder`; what is there already is not asked for again.

    A refused request is asked for again as another sample, `replacements` times; then it stays without an answer.
    With a cost `sheet` that was just made of these requests, they are not counted first.

    Raises:
        UserError: the budget is reached, the API cannot be used, refuses more than `refused_share` of the requests, or
            keeps failing. Whatever was answered until then is kept.
    """
    with closing(Store(folder)) as store, store.locked(), clean_errors():
        refusals = _Refusals(store, config)
        done, fruitless = Counts.on_sheet(sheet) if sheet else refusals.count(requests), 0
        while done.answered < done.requests or store.open_batches():
            before = refusals.total()
            refusals.ask(requests, done, label)
            done = refusals.count_again(requests)
            fruitless = fruitless + 1 if refusals.total() == before else 0
            if fruitless > config.retries:
                raise UserError(
                    f"{label}: {done.requests - done.answered} requests keep failing or expiring; run again later"
                )
        refusals.keep()
        return done


class _Refusals:
    """Requests that were refused, on disk or in this run, and the samples that replace them."""

    def __init__(self, store: Store, config: ApiConfig) -> None:
        self.store, self.config = store, config
        self.rejected: dict[str, str] = {}
        self.replacing: set[str] = set()
        self.listed: Counts | None = None  # those that were final when `_missing` listed all

    def total(self) -> int:
        """How many answers and refusals there are."""
        return self.store.answers() + len(self.rejected)

    def count(self, requests: Requests) -> Counts:
        """Count requests and answers."""
        found = Counts()
        for part in parts(requests()):
            chains = self._chains(part)
            for request in part:
                chain = chains[request.key]
                found.add(request, chain, is_final(chain, self.config.replacements))
        return found

    def count_again(self, requests: Requests) -> Counts:
        """The same after `ask`: without listing all requests, where each that was missing has its answer now."""
        found, paid = self.listed, self.store.paid_for_wanted()
        if not found or self.rejected or paid is None:
            return self.count(requests)
        for step, (count, usd) in paid.items():
            found.requests += count
            found.answered += count
            found.spend(step, usd)
        return found

    def ask(self, requests: Requests, done: Counts, label: str) -> None:
        """Have what is missing asked for once, and collect what earlier runs asked for.

        Raises:
            UserError: the run has to stop.
        """
        allowed = ceil(self.config.refused_share * done.requests)
        with RequestProgress(label, done.requests, done.answered, done.usd) as progress:
            budget = Budget(self.config.max_usd, spent=self.store.spent())
            left = allowed - done.refused
            session = Session(self.config, self.store, budget, progress, self.rejected, left, self.replacing)
            if session.refusals_left < 0:
                session.stop(TooManyRefusals("told in earlier runs"))
            try:
                if self.config.mode == "batch":
                    answer_by_batch(self._missing(requests), session)
                else:
                    if self.store.open_batches():
                        # Left by a run in the other mode: their answers are paid for.
                        answer_by_batch([], session)
                    answer_by_stream(self._missing(requests), session)
            except TooManyRefusals as error:
                refused = self.count(requests).refused
                raise UserError(
                    f"{label}: the API refuses {refused} requests, such as: {error}; that is more than refused_share "
                    f"{self.config.refused_share:g} of {done.requests}. Change what is asked or who, or raise "
                    "anthropic.api.refused_share; every answer is kept"
                ) from None

    def keep(self) -> None:
        """Keep which requests the API does not take, so that they are known without it."""
        self.store.save(rejected(key, reason) for key, reason in self.rejected.items())

    def _missing(self, requests: Requests) -> Iterator[Request]:
        """The requests without an answer, and the samples that replace refused ones."""
        self.listed, listed = None, Counts()
        self.store.forget_wanted()
        for part in parts(requests()):
            chains = self._chains(part)
            wanted = []
            for request in part:
                if is_final(chain := chains[request.key], self.config.replacements):
                    listed.add(request, chain, True)
                else:
                    wanted.append((request.key, request.step))
            self.store.want(wanted)
            for request in {request.key: request for request in part}.values():
                chain = chains[request.key]
                if not is_final(chain, self.config.replacements):
                    for _ in chain:
                        request = request.replaced()
                        self.replacing.add(request.key)
                    yield request
        self.listed = listed

    def _chains(self, requests: Sequence[Request]) -> dict[str, list[Paid]]:
        return chains(requests, self._find, self.config.replacements)

    def _find(self, keys: list[str]) -> dict[str, Paid]:
        return {key: Paid(0.0, True) for key in keys if key in self.rejected} | self.store.paid(keys)
