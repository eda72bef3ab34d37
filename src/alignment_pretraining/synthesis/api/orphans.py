"""Batches that may have been made though no id of them came: looked for in the account's listing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import anthropic
import httpx2
from anthropic.types.messages import MessageBatch

from alignment_pretraining.synthesis.api.results import read_results
from alignment_pretraining.synthesis.api.session import Session
from alignment_pretraining.synthesis.api.store import Batch

_PAGE = 100


@dataclass(frozen=True)
class Found:
    """The id of the batch; or whether a batch that has not ended may be it; or the id of one that may be it, and whose
    results tell nothing."""

    batch_id: str | None = None
    may_come: bool = False
    silent: str | None = None


class Orphans:
    """The listing of an account's batches, which other people may submit to as well."""

    def __init__(self, client: anthropic.Anthropic, session: Session) -> None:
        self.client, self.session = client, session
        self.foreign: set[str] = set()

    def newest(self) -> str | None:
        """Id of the newest batch of the account."""
        return next((made.id for made in self.session.retry(lambda: self._page(1, None))[0]), None)

    def find(self, batch: Batch) -> Found:
        """Look for a batch once. Its results alone tell that it is the one, so it must have ended."""
        known = {*self.session.store.known_batch_ids(), *self.session.config.lost_batches, *self.foreign}
        may_come, silent = False, None
        for made in self.session.retry(lambda: list(self._newer_than(batch.newest_before))):
            if made.id in known or _size(made) != len(batch.keys):
                continue
            if made.processing_status != "ended":
                may_come = True
                continue
            key = self._some_key(made.id) if made.results_url else None
            if key in batch.keys:
                return Found(made.id)
            if key:
                self.foreign.add(made.id)
            else:
                silent = made.id
        return Found(None, may_come, silent)

    def _some_key(self, batch_id: str) -> str | None:
        """Key of some request of a batch; None when its results hold none that can be read."""
        return self.session.retry(lambda: next((result.key for result in read_results(self.client, batch_id)), None))

    def _newer_than(self, newest: str | None) -> Iterator[MessageBatch]:
        after: str | None = None
        more = True
        while more:
            page, more = self._page(_PAGE, after)
            for made in page:
                if made.id == newest:
                    return
                yield made
            after = page[-1].id if page else None

    def _page(self, limit: int, after: str | None) -> tuple[list[MessageBatch], bool]:
        """A page of the listing, and whether more follow. Whatever else comes is an error, and never an empty page."""
        page = self.client.messages.batches.list(limit=limit, after_id=after or anthropic.omit)
        if not isinstance(page.data, list) or not all(isinstance(made, MessageBatch) and made.id for made in page.data):
            raise httpx2.RemoteProtocolError("something else came in place of the list of batches")
        return page.data, bool(page.has_more and page.data)


def _size(made: MessageBatch) -> int:
    counts = made.request_counts
    try:
        return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
    except (AttributeError, TypeError):
        raise httpx2.RemoteProtocolError(f"batch {made.id} came without its counts") from None
