"""What one run of requests shares: configuration, store, budget and progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.budget import Budget
from alignment_pretraining.synthesis.api.client import retry, shorten
from alignment_pretraining.synthesis.api.config import WHERE, ApiConfig
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Store

T = TypeVar("T")


@dataclass
class Session:
    """State of one run.

    Attributes:
        rejected: Keys of requests that the API does not take, with its reason.
        refusals_left: So many more requests may be refused before the run stops.
        replacing: Keys of requests that replace a refused one, which has been counted.
        problem: Why nothing more is to be sent; what was sent is still collected.
    """

    config: ApiConfig
    store: Store
    budget: Budget
    progress: RequestProgress
    rejected: dict[str, str] = field(default_factory=dict)
    refusals_left: float = float("inf")
    replacing: set[str] = field(default_factory=set)
    problem: Exception | None = None

    def keep(self, answers: Sequence[Answer], release: Sequence[int] = ()) -> None:
        """Store answers, count those that are new, and release reserves."""
        had = self.store.paid([answer.key for answer in answers])
        self.store.save(answers, release)
        for answer in answers:
            if answer.key in had:
                continue
            self.budget.spend(answer.usd)
            self.progress.answered(answer)
            if answer.model and answer.model not in self.config.prices:
                self.stop(
                    UserError(
                        f"{WHERE}: anthropic.api.prices: no price for {shorten(answer.model)}, which answers; its "
                        "answers are kept, and counted at what they can have cost at most. Add its price and run again"
                    )
                )
            if answer.refused:
                self._count_refusal(answer.key, f"refusal by {answer.model}")

    def reject(self, key: str, reason: str) -> None:
        """The API does not take a request."""
        self.rejected[key] = shorten(reason)
        self._count_refusal(key, self.rejected[key])

    def stop(self, problem: Exception) -> None:
        """Send nothing more; the first problem counts."""
        self.problem = self.problem or problem

    def retry(self, call: Callable[[], T]) -> T:
        """Result of `call`, which may be repeated safely, tried again after errors that pass."""
        return retry(call, self.config.retries, self.progress.waiting)

    def stop_at_limit(self, request: Request) -> UserError:
        """The error that ends a run before its next request would cross the limit."""
        reserved = self.store.reserved()
        beside = f" (${reserved:.4f} of it for what may have been billed without an answer)" if reserved else ""
        return UserError(
            f"max_usd: ${self.budget.limit:g} would be crossed: ${self.budget.spent:.4f} are spent{beside} and the "
            f"next request ({request.step}) can cost ${request.most_usd(self.config):.4f}. Every answer is kept: raise "
            "anthropic.api.max_usd and run again"
        )

    def _count_refusal(self, key: str, reason: str) -> None:
        self.refusals_left -= key not in self.replacing
        if self.refusals_left < 0:
            self.stop(TooManyRefusals(reason))


class TooManyRefusals(Exception):
    """More requests were refused than `refused_share` allows; the message is the last reason."""
