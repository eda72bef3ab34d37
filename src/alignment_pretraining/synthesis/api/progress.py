"""How far a run is, what went wrong, dollars so far and the time left: a live bar, or lines without a terminal."""

from __future__ import annotations

import logging
import time
from collections import Counter
from types import TracebackType

from tqdm import tqdm

from alignment_pretraining.synthesis.api.answer import Answer

log = logging.getLogger(__name__)

# Without a terminal a line is written so often, and waits of a second and more are told so often.
_LINE_SECONDS = 60.0
_TOLD_SECONDS = 30.0


class RequestProgress:
    """Counts of one run; `counts` has submitted, succeeded, refused and failed."""

    def __init__(self, label: str, total: int, done: int, usd: float) -> None:
        self.counts: Counter[str] = Counter(submitted=0, succeeded=0, refused=0, failed=0)
        self.usd = usd
        self._label = label
        self._bar = tqdm(total=total, initial=done, desc=label, unit="req", disable=None)
        self._line_at = time.monotonic() + _LINE_SECONDS
        self._told_at = 0.0

    def __enter__(self) -> RequestProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def submitted(self, count: int) -> None:
        """Requests were sent."""
        self.counts["submitted"] += count
        self.show()

    def answered(self, answer: Answer) -> None:
        """An answer came."""
        self.counts["refused" if answer.refused else "succeeded"] += 1
        self.usd += answer.usd
        self.show()
        self._bar.update()

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

    def show(self) -> None:
        """Bring the bar up to date, or write a line when it is time for one."""
        told = {**self.counts, "usd": f"{self.usd:.4f}"}
        self._bar.set_postfix(told, refresh=False)
        if self._bar.disable and time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + _LINE_SECONDS
            log.info("%s: %s", self._label, ", ".join(f"{name} {value}" for name, value in told.items()))
