"""How far a run is, what went wrong, and dollars so far."""

from __future__ import annotations

import logging
import time
from collections import Counter
from types import TracebackType

from alignment_pretraining.core.progress import Work
from alignment_pretraining.synthesis.api.answer import Answer

log = logging.getLogger(__name__)

# Waits of a second and more are told so often.
_TOLD_SECONDS = 30.0


class RequestProgress:
    """Counts of one run; `counts` has submitted, succeeded, refused and failed."""

    def __init__(self, label: str, total: int, done: int, usd: float) -> None:
        self.counts: Counter[str] = Counter(submitted=0, succeeded=0, refused=0, failed=0)
        self.usd = usd
        self._label = label
        self._work = Work(label, total, unit="requests", done=done)
        self._told_at = 0.0

    def __enter__(self) -> RequestProgress:
        self._work.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._work.__exit__(kind, error, at)

    def submitted(self, count: int) -> None:
        """Requests were sent."""
        self.counts["submitted"] += count
        self.show()

    def answered(self, answer: Answer) -> None:
        """An answer came."""
        self.counts["refused" if answer.refused else "succeeded"] += 1
        self.usd += answer.usd
        self.show(1)

    def failed(self, count: int = 1) -> None:
        """Requests came to their end without an answer; they will be sent again."""
        self.counts["failed"] += count
        self.show()

    def waiting(self, seconds: float, why: str) -> None:
        """The run waits, and says so, but not for each of many at once."""
        now = time.monotonic()
        if seconds >= 1 and now >= self._told_at:
            self._told_at = now + _TOLD_SECONDS
            log.warning("%s: waits %.0f s: %s", self._label, seconds, why)
        self.show()

    def show(self, answered: int = 0) -> None:
        """Tell how far the run is, `answered` requests further."""
        self._work.advance(answered, **self.counts, usd=f"{self.usd:.4f}")
