"""Every answer to a list of requests: those on disk, and the others from the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.batches import answer_by_batch
from alignment_pretraining.synthesis.api.budget import Budget
from alignment_pretraining.synthesis.api.client import clean_errors
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.request import Request, Requests, parts
from alignment_pretraining.synthesis.api.session import Session
from alignment_pretraining.synthesis.api.store import Store
from alignment_pretraining.synthesis.api.stream import answer_by_stream


@dataclass
class Counts:
    """How many requests there are, how many have an answer, and what those cost in US dollars."""

    requests: int = 0
    answered: int = 0
    usd: float = 0.0
    by_step: dict[str, float] = field(default_factory=dict)


def answer_all(requests: Requests, config: ApiConfig, folder: Path, label: str) -> Counts:
    """Have every request answered in the store under `folder`; what is there already is not asked for again.

    Raises:
        UserError: the budget is reached, the API cannot be used, takes some request never, or keeps failing.
            Whatever was answered until then is kept.
    """
    store = Store(folder)
    rejected: dict[str, str] = {}
    with store.locked(), clean_errors():
        done, fruitless = count(requests, store), 0
        while done.answered + len(rejected) < done.requests or store.open_batches():
            with RequestProgress(label, done.requests, done.answered, done.usd) as progress:
                session = Session(config, store, Budget(config.max_usd, spent=store.spent()), progress, rejected)
                unanswered = (request for request in missing(requests, store) if request.key not in rejected)
                if config.mode == "batch":
                    answer_by_batch(unanswered, session)
                else:
                    if store.open_batches():
                        # Left by a run in the other mode: their answers are paid for.
                        answer_by_batch([], session)
                    answer_by_stream(unanswered, session)
            before, done = done, count(requests, store)
            fruitless = fruitless + 1 if done.answered == before.answered else 0
            if fruitless > config.retries:
                raise UserError(
                    f"{label}: {done.requests - done.answered} requests keep failing or expiring; run again later"
                )
    if rejected:
        raise UserError(f"{label}: the API refuses {len(rejected)} requests, such as: {next(iter(rejected.values()))}")
    store.close()
    return done


def count(requests: Requests, store: Store) -> Counts:
    """Count requests and answers."""
    found = Counts()
    for part in parts(requests()):
        paid = store.paid([request.key for request in part])
        found.requests += len(part)
        for request in part:
            if request.key in paid:
                found.answered += 1
                found.usd += paid[request.key]
                found.by_step[request.step] = found.by_step.get(request.step, 0.0) + paid[request.key]
    return found


def missing(requests: Requests, store: Store) -> Iterator[Request]:
    """The requests without an answer."""
    for part in parts(requests()):
        paid = store.paid([request.key for request in part])
        yield from (request for request in part if request.key not in paid)
