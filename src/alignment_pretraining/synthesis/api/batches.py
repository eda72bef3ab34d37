"""Answers by message batches: half the price, within a day, and picked up again after any interruption."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import anthropic
import httpx2
import orjson
from anthropic.types.messages import MessageBatch

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer, read_answer
from alignment_pretraining.synthesis.api.client import (
    ERRORS,
    describe,
    is_account_kind,
    is_passing,
    is_refusal_kind,
    make_client,
    nothing_was_done,
    seconds_to_wait,
    shorten,
)
from alignment_pretraining.synthesis.api.config import BATCH_BYTES, BATCH_PRICE, RESULT_DAYS, WHERE
from alignment_pretraining.synthesis.api.orphans import Orphans
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.results import read_results
from alignment_pretraining.synthesis.api.session import Session
from alignment_pretraining.synthesis.api.store import Batch

log = logging.getLogger(__name__)

# Answers that are stored in one commit.
_TOGETHER = 500
# What a request's custom_id and punctuation add to its size in bytes.
_ENVELOPE = 100
_DAY = 86_400
_BATCHES = "/v1/messages/batches"


def answer_by_batch(requests: Iterable[Request], session: Session) -> None:
    """Submit `requests` as batches and collect them, with those that earlier runs left open.

    Raises:
        UserError: the next request would cross the budget; or it cannot be known what became of a batch.
    """
    _BatchRun(session, iter(requests)).run()


class _BatchRun:
    """Open batches, and the request that comes next. At most `queued` requests are on their way at a time."""

    def __init__(self, session: Session, requests: Iterator[Request]) -> None:
        self.session, self.config, self.store = session, session.config, session.store
        self.client = make_client(session.config)
        self.batches = self.client.messages.batches
        self.orphans = Orphans(self.client, session)
        self.requests = requests
        self.upcoming = next(requests, None)
        self.open = self.store.open_batches()
        self.tries: Counter[int] = Counter()  # downloads of results that were not whole, by batch
        self.unclear_since: dict[int, float] = {}

    def run(self) -> None:
        for batch in self.open:
            self.session.budget.hold(batch.most_usd)
        while True:
            while self._may_submit() and (chunk := self._next_chunk()):
                self._submit(chunk)
            if not self.open:
                break
            if not self._look_at_open():
                self.session.progress.show()
                time.sleep(self.config.poll_seconds)
        if self.session.problem:
            raise self.session.problem
        if self.upcoming:
            raise self.session.stop_at_limit(self.upcoming)

    def _may_submit(self) -> bool:
        """Not while it is unclear whether the last batch was made."""
        return not self.session.problem and all(batch.batch_id for batch in self.open)

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
        """Have a batch made. What the API finds too large is cut in two."""
        paid = self.store.paid(list(chunk))
        wanted = {key: request for key, request in chunk.items() if key not in paid}
        if not wanted:
            return
        try:
            self._create(wanted)
        except anthropic.APIStatusError as error:
            if error.status_code != 413:
                raise
            if len(wanted) == 1:
                self.session.reject(next(iter(wanted)), error.message)
                return
            keys = list(wanted)
            for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
                self._submit({key: wanted[key] for key in half})

    def _create(self, wanted: dict[str, Request]) -> None:
        """Note a batch, have it made, and note its id: without one, it is not clear whether there is a batch."""
        costs = [request.most_usd(self.config) for request in wanted.values()]
        # As bytes: the SDK's own call walks over every value and copies it.
        body = orjson.dumps({"requests": [{"custom_id": key, "params": one.params} for key, one in wanted.items()]})
        newest = self.orphans.newest()
        attempt = 0
        while True:
            batch = self.store.intend_batch(newest, list(wanted), sum(costs), max(costs))
            try:
                made = self.client.post(_BATCHES, cast_to=MessageBatch, content=body)
            except ERRORS as error:
                if not nothing_was_done(error):
                    log.warning("%s: it is not clear whether a batch was made; it is looked for", describe(error))
                    break
                self.store.close_batch(batch)
                if not is_passing(error) or (attempt == self.config.retries and not self.open):
                    raise
                seconds = seconds_to_wait(error, attempt)
                self.session.progress.waiting(seconds, describe(error))
                time.sleep(seconds)
                # Room for it comes when others end, however long that takes.
                attempt = 0 if self._look_at_open() else attempt + 1
                if self.session.problem:
                    return
                continue
            if isinstance(made.id, str) and made.id:
                self.store.name_batch(batch, made.id)
            else:
                log.warning("no id of the new batch came: it is looked for")
            break
        self.session.budget.hold(batch.most_usd)
        self.open = self.store.open_batches()
        self.session.progress.submitted(len(wanted))

    def _look_at_open(self) -> bool:
        """Collect every batch that has ended; whether one has."""
        return any([self._look_for(batch) if not batch.batch_id else self._look_at(batch) for batch in list(self.open)])

    def _look_for(self, batch: Batch) -> bool:
        """Look for a batch whose id never came; whether that is settled."""
        found = self.orphans.find(batch)
        if found.batch_id:
            self.store.name_batch(batch, found.batch_id)
            self.open = self.store.open_batches()
            return True
        if found.may_come or self._is_young(batch):
            self.session.progress.waiting(
                self.config.poll_seconds,
                f"looking for a batch of {len(batch.keys)} requests of which it is not known whether it was made",
            )
            return False
        if found.silent:
            self.session.stop(
                UserError(
                    f"it is not known whether a batch of {len(batch.keys)} requests was made: batch {found.silent} may "
                    "be it, and its results tell nothing. It is not sent again. If it is another one, add its id to "
                    f"anthropic.api.lost_batches in {WHERE} and run again"
                )
            )
            self._forget(batch)
            return True
        log.warning("a batch of %d requests was never made: they are sent again", len(batch.keys))
        self._close(batch)
        return True

    def _look_at(self, batch: Batch) -> bool:
        """Collect a batch if it has ended; whether it is closed."""
        assert batch.batch_id
        try:
            made = self.session.retry(lambda: self._retrieve(batch.batch_id or ""))
            if made.processing_status != "ended":
                return False
            if made.results_url:
                return self.session.retry(lambda: self._collect(batch))
            reason = "ended, and its results were deleted" if made.archived_at else "ended, without results"
            gone = bool(made.archived_at)
        except anthropic.NotFoundError:
            reason, gone = "not known to the API (404)", False
        return self._without_results(batch, reason, gone)

    def _retrieve(self, batch_id: str) -> MessageBatch:
        made = self.batches.retrieve(batch_id)
        if made.id != batch_id or not isinstance(made.processing_status, str):
            raise httpx2.RemoteProtocolError(f"something else came in place of batch {batch_id}")
        return made

    def _without_results(self, batch: Batch, reason: str, gone: bool) -> bool:
        """Ask anew what a batch asked if that is known to be gone, otherwise wait, and then stop and say so."""
        if gone or batch.batch_id in self.config.lost_batches or batch.age > RESULT_DAYS * _DAY:
            log.warning("batch %s is %s: its requests are sent again", batch.batch_id, reason)
            self._close(batch, lost=batch.keys)
            return True
        if self._is_young(batch):
            self.session.progress.waiting(self.config.poll_seconds, f"batch {batch.batch_id} is {reason}")
            return False
        self.session.stop(
            UserError(
                f"batch {batch.batch_id} of {len(batch.keys)} requests is {reason}, but was made and will be billed: "
                "it is not sent again. Was it made with the key of another workspace? Use that key. If it is gone for "
                f"good, add its id to anthropic.api.lost_batches in {WHERE}: then its requests are asked for anew"
            )
        )
        self._forget(batch)
        return True

    def _is_young(self, batch: Batch) -> bool:
        """Whether a batch has not been unclear for long: since the first look of this run, as the call that made it may
        have ended long after the batch was noted, or with a run that was killed."""
        since = self.unclear_since.setdefault(batch.number, time.monotonic())
        return time.monotonic() - since < self.config.lost_after_seconds

    def _collect(self, batch: Batch) -> bool:
        """Store every answer of an ended batch, in whatever order they come; whether the batch is closed.

        Requests of which the results say nothing that can be read are looked for in them again, `retries` times; then
        they are set aside as paid, and asked for anew.
        """
        assert batch.batch_id
        answers: list[Answer] = []
        left = set(batch.keys)
        failed = 0
        try:
            for result in read_results(self.client, batch.batch_id):
                if result.key not in left:
                    continue
                left.discard(result.key)
                if result.succeeded:
                    answers.append(read_answer(result.key, result.message, self.config, BATCH_PRICE, batch.most_each))
                elif is_refusal_kind(*result.error):
                    self.session.reject(result.key, result.error[1])
                elif is_account_kind(*result.error):
                    self.session.stop(UserError(f"the API answered: {shorten(': '.join(result.error))}"))
                else:
                    failed += 1
                if len(answers) == _TOGETHER:
                    self.session.keep(answers)
                    answers = []
        finally:
            self.session.keep(answers)
        known_lost = batch.batch_id in self.config.lost_batches
        if left and not known_lost and self.tries[batch.number] < self.config.retries:
            self.tries[batch.number] += 1
            return False
        if left:
            log.warning(
                "%d results of batch %s cannot be read: they are counted as paid, and asked for anew",
                len(left),
                batch.batch_id,
            )
        self.session.progress.failed(failed)
        self._close(batch, lost=left)
        return True

    def _close(self, batch: Batch, lost: Iterable[str] = ()) -> None:
        self.session.budget.spend(self.store.close_batch(batch, lost))
        self._forget(batch)

    def _forget(self, batch: Batch) -> None:
        self.session.budget.settle(batch.most_usd)
        self.open = [other for other in self.open if other.number != batch.number]
