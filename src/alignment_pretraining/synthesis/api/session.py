"""What one run of requests shares: configuration, store, budget and progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer
from alignment_pretraining.synthesis.api.budget import Budget
from alignment_pretraining.synthesis.api.config import ApiConfig
from alignment_pretraining.synthesis.api.progress import RequestProgress
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.store import Store


@dataclass
class Session:
    """State of one run. `rejected` are the keys of requests that the API will never take, with its reason."""

    config: ApiConfig
    store: Store
    budget: Budget
    progress: RequestProgress
    rejected: dict[str, str] = field(default_factory=dict)

    def keep(self, answers: Sequence[Answer]) -> None:
        """Store answers and count those that are new."""
        had = self.store.paid([answer.key for answer in answers])
        self.store.save(answers)
        for answer in answers:
            if answer.key not in had:
                self.budget.spend(answer.usd)
                self.progress.answered(answer)

    def stop_at_limit(self, request: Request) -> UserError:
        """The error that ends a run before its next request would cross the limit."""
        return UserError(
            f"max_usd: ${self.budget.limit:g} would be crossed: ${self.budget.spent:.4f} are spent and the next "
            f"request ({request.step}) can cost ${request.most_usd(self.config):.4f}. Every answer is kept: raise "
            "anthropic.api.max_usd and run again"
        )
