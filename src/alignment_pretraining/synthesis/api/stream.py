"""Answers by streaming, many at a time: at once and at full price, also from other servers that speak the same API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import anthropic
import httpx2

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.api.answer import Answer, read_answer
from alignment_pretraining.synthesis.api.client import ERRORS, is_passing, make_async_client, seconds_to_wait
from alignment_pretraining.synthesis.api.request import Request
from alignment_pretraining.synthesis.api.session import Session

# Answers of this many seconds are stored in one commit.
_TOGETHER_SECONDS = 0.02


def answer_by_stream(requests: Iterable[Request], session: Session) -> None:
    """Stream the answers to `requests`, `concurrency` at a time, each stored as it comes.

    Raises:
        UserError: the next request would cross the budget.
    """
    asyncio.run(_StreamRun(session, iter(requests)).run())


class _StreamRun:
    """Workers that take the next request each, and one task that stores what came."""

    def __init__(self, session: Session, requests: Iterator[Request]) -> None:
        self.session, self.config = session, session.config
        self.requests = requests
        self.upcoming = next(requests, None)
        self.sent: dict[str, float] = {}  # what each request on its way can cost at most
        self.arrived: list[Answer] = []
        self.settled = asyncio.Event()
        self.problem: Exception | None = None

    async def run(self) -> None:
        async with make_async_client(self.config) as client:
            storing = asyncio.create_task(self._store_often())
            await asyncio.gather(*(self._work(client) for _ in range(self.config.concurrency)))
            storing.cancel()
            self._store()
        if self.problem:
            raise self.problem
        if self.upcoming:
            raise self.session.stop_at_limit(self.upcoming)

    async def _work(self, client: anthropic.AsyncAnthropic) -> None:
        while request := await self._next():
            try:
                answer = await self._answer(client, request)
                self.arrived.append(answer)
            except anthropic.BadRequestError as error:
                self.session.rejected[request.key] = error.message
                self._settle(request.key)
            except (*ERRORS, UserError) as error:
                # The others finish what they have asked for: it will be billed.
                self.problem = error
                self._settle(request.key)

    async def _next(self) -> Request | None:
        """The next request, once there is money for it; None when there is none, or never will be."""
        while self.upcoming and not self.problem:
            request, most = self.upcoming, self.upcoming.most_usd(self.config)
            if request.key not in self.sent and not self.session.budget.fits(most):
                if not self.sent:
                    return None
                self.settled.clear()
                await self.settled.wait()
                continue
            self.upcoming = next(self.requests, None)
            if request.key not in self.sent:
                self.sent[request.key] = most
                self.session.budget.hold(most)
                self.session.progress.submitted(1)
                return request
        return None

    async def _answer(self, client: anthropic.AsyncAnthropic, request: Request) -> Answer:
        """One whole answer. The SDK tries again before a stream has begun; a stream that breaks is asked for anew."""
        # The SDK has no argument for what newer models refuse.
        extra = {name: value for name, value in request.params.items() if name == "temperature"}
        params = {name: value for name, value in request.params.items() if name not in extra}
        for attempt in range(self.config.retries + 1):
            try:
                async with client.messages.stream(**params, extra_body=extra) as stream:
                    last = ""
                    async for event in stream:
                        last = event.type
                    if last != "message_stop":
                        raise httpx2.RemoteProtocolError("the stream ended before the message did")
                    message = await stream.get_final_message()
                return read_answer(request.key, message, self.config, discount=1.0)
            except ERRORS as error:
                if not is_passing(error) or attempt == self.config.retries:
                    raise
                self.session.progress.failed()
                await asyncio.sleep(seconds_to_wait(error, attempt))
        raise AssertionError("unreachable")

    async def _store_often(self) -> None:
        while True:
            await asyncio.sleep(_TOGETHER_SECONDS)
            self._store()

    def _store(self) -> None:
        answers, self.arrived = self.arrived, []
        if answers:
            self.session.keep(answers)
        for answer in answers:
            self._settle(answer.key)

    def _settle(self, key: str) -> None:
        self.session.budget.settle(self.sent.pop(key))
        self.settled.set()
