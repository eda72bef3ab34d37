"""A live bar of a run: how far it is, what went wrong, dollars so far and the time left."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

from tqdm import tqdm

from alignment_pretraining.synthesis.api.answer import Answer


class RequestProgress:
    """Counts of one run. The bar is shown on a terminal only; `counts` has submitted, succeeded, refused and failed."""

    def __init__(self, label: str, total: int, done: int, usd: float) -> None:
        self.counts: Counter[str] = Counter(submitted=0, succeeded=0, refused=0, failed=0)
        self.usd = usd
        self._bar = tqdm(total=total, initial=done, desc=label, unit="req", disable=None)

    def __enter__(self) -> RequestProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def submitted(self, count: int) -> None:
        """Requests were sent."""
        self.counts["submitted"] += count
        self._show()

    def answered(self, answer: Answer) -> None:
        """An answer came."""
        self.counts["refused" if answer.stop_reason == "refusal" else "succeeded"] += 1
        self.usd += answer.usd
        self._show()
        self._bar.update()

    def failed(self, count: int = 1) -> None:
        """Requests came to their end without an answer; they will be sent again."""
        self.counts["failed"] += count
        self._show()

    def _show(self) -> None:
        self._bar.set_postfix({**self.counts, "usd": f"{self.usd:.4f}"}, refresh=False)
