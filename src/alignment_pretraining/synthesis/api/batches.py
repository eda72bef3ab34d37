"""Answers by message batches: half the price, within a day, and picked up again after any interruption."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from functools import partial

import anthropic
import httpx2
from anthropic.types.messages import MessageBatch

from alignment_pretraining.synthesis.api.answer import Answer, read_answer
from alignment_pretraining.synthesis.api.client import ERRORS, is_passing, make_client, retry, seconds_to_wait
from alignment_pretraining.synthesis.api.config import BATCH_BYTES, BATCH_PRICE
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.session import Session
from alignment_pretraining.synthesis.api.store import Batch

log = logging.getLogger(__name__)

# Answers that are stored in one commit.
_TOGETHER = 500
# What a request's custom_id and punctuation add to its size in bytes.
_ENVELOPE = 100


def answer_by_batch(requests: Iterable[Request], session: Session) -> None:
    """Submit `requests` as batches and collect them, with those that earlier runs left open.

    Raises:
        UserError: the next request would cross the budget.
    """
    _BatchRun(session, iter(requests)).run()


class _BatchRun:
    """Open batches, and the request that comes next. At most `queued` requests are on their way at a time."""

    def __init__(self, session: Session, requests: Iterator[Request]) -> None:
        self.session, self.config, self.store = session, session.config, session.store
        self.batches = make_client(session.config).messages.batches
        # The SDK must not repeat this call itself: a lost answer may hide a batch that was made and will be billed.
        self.create = make_client(session.config).with_options(max_retries=0).messages.batches.create
        self.requests = requests
        self.upcoming = next(requests, None)
        self.open = self.store.open_batches()

    def run(self) -> None:
        for batch in self.open:
            self.session.budget.hold(batch.most_usd)
        for batch in [batch for batch in self.open if batch.batch_id is None]:
            self._adopt(batch, self._find_orphan(batch))
        while True:
            while chunk := self._next_chunk():
                self._submit(chunk)
            if not self.open:
                break
            self._collect_ended()
        if self.upcoming:
            raise self.session.stop_at_limit(self.upcoming)

    def _next_chunk(self) -> dict[str, Request]:
        """The requests of the next batch; none when there are no more, or no room or money for one."""
        waiting = {key for batch in self.open for key in batch.keys}
        room = min(self.config.batch_size, self.config.queued - len(waiting))
        chunk: dict[str, Request] = {}
        size, most = 0, 0.0
        while self.upcoming:
            if self.upcoming.key not in waiting:
                size += self.upcoming.size + _ENVELOPE
                most += self.upcoming.most_usd(self.config)
                if len(chunk) >= room or size > BATCH_BYTES or not self.session.budget.fits(most):
                    break
                chunk[self.upcoming.key] = self.upcoming
            self.upcoming = next(self.requests, None)
        return chunk

    def _submit(self, chunk: dict[str, Request]) -> None:
        paid = self.store.paid(list(chunk))
        wanted = {key: request for key, request in chunk.items() if key not in paid}
        if not wanted:
            return
        most = sum(request.most_usd(self.config) for request in wanted.values())
        batch = self.store.intend_batch(self._newest(), list(wanted), most)
        self.open.append(batch)
        self.session.budget.hold(most)
        self._adopt(batch, self._create(batch, wanted))
        self.session.progress.submitted(len(wanted))

    def _create(self, batch: Batch, wanted: dict[str, Request]) -> str:
        """Id of the new batch. After an unclear answer the API is asked whether it made one."""
        requests = [{"custom_id": key, "params": request.params} for key, request in wanted.items()]
        for attempt in range(self.config.retries + 1):
            try:
                return self.create(requests=requests).id  # type: ignore[arg-type]
            except ERRORS as error:
                if not is_passing(error):
                    self.store.close_batch(batch)
                    raise
                time.sleep(seconds_to_wait(error, attempt))
                refused, problem = isinstance(error, anthropic.RateLimitError), error
            orphan = None if refused else self._find_orphan(batch)
            if orphan:
                return orphan
        raise problem

    def _adopt(self, batch: Batch, batch_id: str | None) -> None:
        """Note the id of a batch, or forget one that the API never made."""
        if batch_id:
            self.store.name_batch(batch, batch_id)
            self.open = self.store.open_batches()
        else:
            self._close(batch)

    def _find_orphan(self, batch: Batch) -> str | None:
        """Id of a batch that holds these requests and whose id did not reach the store."""
        known = self.store.known_batch_ids()
        for made in retry(partial(self._newer_than, batch.newest_before), self.config.retries):
            counts = made.request_counts
            total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
            if made.id not in known and total == len(batch.keys) and self._first_key(made.id) in batch.keys:
                return made.id
        return None

    def _first_key(self, batch_id: str) -> str:
        """Key of some request of a batch. Only results tell, so this waits for the batch to end."""
        while self._retrieve(batch_id).processing_status != "ended":
            time.sleep(self.config.poll_seconds)
        return retry(lambda: next(iter(self.batches.results(batch_id))).custom_id, self.config.retries)

    def _newer_than(self, newest: str | None) -> list[MessageBatch]:
        found = []
        for made in self.batches.list(limit=100):
            if made.id == newest:
                break
            found.append(made)
        return found

    def _newest(self) -> str | None:
        page = retry(lambda: self.batches.list(limit=1), self.config.retries)
        return page.data[0].id if page.data else None

    def _retrieve(self, batch_id: str) -> MessageBatch:
        return retry(lambda: self.batches.retrieve(batch_id), self.config.retries)

    def _collect_ended(self) -> None:
        """Collect every batch that has ended; wait when none has."""
        ended = 0
        for batch in list(self.open):
            assert batch.batch_id
            try:
                made = self._retrieve(batch.batch_id)
            except anthropic.NotFoundError:
                made = None
            if made and made.processing_status != "ended":
                continue
            ended += 1
            if made and made.results_url:
                retry(partial(self._collect, batch), self.config.retries)
            else:
                log.warning(
                    "the API keeps no results of batch %s any more: its requests are sent again", batch.batch_id
                )
            self._close(batch)
        if not ended:
            time.sleep(self.config.poll_seconds)

    def _close(self, batch: Batch) -> None:
        self.store.close_batch(batch)
        self.session.budget.settle(batch.most_usd)
        self.open = [other for other in self.open if other.number != batch.number]

    def _collect(self, batch: Batch) -> None:
        """Store every answer of an ended batch, in whatever order they come; may be repeated after an error."""
        assert batch.batch_id
        answers: list[Answer] = []
        left = set(batch.keys)
        failed = 0
        for line in self.batches.results(batch.batch_id):
            left.discard(line.custom_id)
            if line.result.type == "succeeded":
                answers.append(read_answer(line.custom_id, line.result.message, self.config, BATCH_PRICE))
            else:
                failed += 1
                if line.result.type == "errored" and line.result.error.error.type == "invalid_request_error":
                    self.session.rejected[line.custom_id] = line.result.error.error.message
            if len(answers) == _TOGETHER:
                self.session.keep(answers)
                answers = []
        self.session.keep(answers)
        if left:
            raise httpx2.RemoteProtocolError(f"{len(left)} results of batch {batch.batch_id} are missing")
        self.session.progress.failed(failed)
