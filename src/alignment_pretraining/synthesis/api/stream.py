"""Answers by streaming, many at a time: at once and at full price, also from other servers that speak the same API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import anthropic
import httpx2
from anthropic import BaseModel

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer, read_answer
from alignment_pretraining.synthesis.api.client import (
    ERRORS,
    describe,
    is_passing,
    is_refusal,
    make_async_client,
    nothing_was_done,
    seconds_to_wait,
)
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.session import Session
from alignment_pretraining.synthesis.api.streamed import StreamedMessage

# What comes within so many seconds is written in one commit.
_TOGETHER_SECONDS = 0.02


def answer_by_stream(requests: Iterable[Request], session: Session) -> None:
    """Stream the answers to `requests`, `concurrency` at a time, each stored as it comes.

    What a request can cost is reserved on disk before it is sent, and released when its answer is stored or the API
    says that it did nothing. So whatever breaks, what may have been billed is counted.

    Raises:
        UserError: the next request would cross the budget.
    """
    try:
        asyncio.run(_StreamRun(session, iter(requests)).run())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    if session.problem:
        raise session.problem


@dataclass(frozen=True)
class _Reservation:
    """Money for an attempt, which waits to be on disk; its number there comes through `number`."""

    key: str
    usd: float
    number: asyncio.Future[int]


@dataclass(frozen=True)
class _End:
    """An attempt that came to its end with an answer, or without one and unbilled."""

    number: int
    usd: float
    answer: Answer | None


class _StreamRun:
    """Workers that take the next request each, and one task that writes what they did. When it fails, all end at once:
    what is not kept must not be asked for."""

    def __init__(self, session: Session, requests: Iterator[Request]) -> None:
        self.session, self.config, self.budget = session, session.config, session.budget
        self.requests = requests
        self.on_way: set[str] = set()  # a request may be listed twice
        self.under_way = 0  # attempts for which money is held
        self.changed = asyncio.Event()
        self.reservations: list[_Reservation] = []
        self.ends: list[_End] = []

    async def run(self) -> None:
        async with make_async_client(self.config) as client, asyncio.TaskGroup() as group:
            writing = group.create_task(self._write_often())
            workers = [group.create_task(self._work(client)) for _ in range(self.config.concurrency)]
            try:
                await asyncio.wait(workers)
            finally:
                writing.cancel()
                self._write()

    async def _work(self, client: anthropic.AsyncAnthropic) -> None:
        while not self.session.problem and (request := next(self.requests, None)):
            if request.key in self.on_way:
                continue
            self.on_way.add(request.key)
            try:
                await self._answer(client, request)
            except anthropic.APIStatusError as error:
                if is_refusal(error):
                    self.session.reject(request.key, error.message)
                else:
                    self.session.stop(error)
            except (*ERRORS, UserError) as error:
                # The others finish what they have asked for: it will be billed.
                self.session.stop(error)
            finally:
                self.on_way.discard(request.key)

    async def _answer(self, client: anthropic.AsyncAnthropic, request: Request) -> None:
        """Have one request answered; a stream that breaks is asked for anew, and may be billed all the same."""
        most = request.most_usd(self.config)
        for attempt in range(self.config.retries + 1):
            if not await self._hold(request, most):
                return
            number = await self._reserve(request.key, most)
            if not attempt:
                self.session.progress.submitted(1)
            try:
                message = await self._stream(client, request)
            except ERRORS as error:
                if nothing_was_done(error):
                    self.ends.append(_End(number, most, None))
                else:
                    self._end(most)
                    self.budget.spend(most)
                if not is_passing(error) or attempt == self.config.retries:
                    raise
                self.session.progress.failed()
                seconds = seconds_to_wait(error, attempt)
                self.session.progress.waiting(seconds, describe(error))
                await asyncio.sleep(seconds)
            else:
                answer = read_answer(request.key, message, self.config, 1.0, most)
                self.ends.append(_End(number, most, answer))
                return

    async def _stream(self, client: anthropic.AsyncAnthropic, request: Request) -> dict[str, object]:
        # The SDK has no argument for what newer models refuse.
        extra = {name: value for name, value in request.params.items() if name == "temperature"}
        params = {name: value for name, value in request.params.items() if name not in extra}
        message = StreamedMessage()
        async with await client.messages.create(**params, extra_body=extra, stream=True) as stream:
            async for event in stream:
                message.add(event.to_dict(mode="python", warnings=False) if isinstance(event, BaseModel) else event)
        if not message.finished:
            raise httpx2.RemoteProtocolError("the stream ended before the message did")
        return message.message()

    async def _hold(self, request: Request, most: float) -> bool:
        """Wait for money for an attempt; False when the run is to stop, as it does when there will never be enough."""
        while not self.session.problem:
            if self.budget.fits(most):
                self.budget.hold(most)
                self.under_way += 1
                return True
            if not self.under_way:
                self.session.stop(self.session.stop_at_limit(request))
            else:
                self.changed.clear()
                await self.changed.wait()
        return False

    async def _reserve(self, key: str, most: float) -> int:
        number = asyncio.get_running_loop().create_future()
        self.reservations.append(_Reservation(key, most, number))
        return int(await number)

    async def _write_often(self) -> None:
        while True:
            await asyncio.sleep(_TOGETHER_SECONDS)
            self._write()

    def _write(self) -> None:
        """Put on disk what came: answers first, then the money for what is sent next."""
        if self.ends:
            self.session.keep([end.answer for end in self.ends if end.answer], [end.number for end in self.ends])
        # Only now: what could not be written is tried once more when the run ends.
        ends, self.ends = self.ends, []
        for end in ends:
            self._end(end.usd)
        waiting, self.reservations = [one for one in self.reservations if not one.number.cancelled()], []
        numbers = self.session.store.reserve([(one.key, one.usd) for one in waiting]) if waiting else []
        for one, number in zip(waiting, numbers, strict=True):
            one.number.set_result(number)

    def _end(self, usd: float) -> None:
        """An attempt came to its end: its money is free, or was spent."""
        self.under_way -= 1
        self.budget.settle(usd)
        self.changed.set()
