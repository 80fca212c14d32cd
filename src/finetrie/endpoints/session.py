"""From a request to an answer: the cache first, then the server, as often as it takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Literal
from weakref import WeakValueDictionary

from finetrie.endpoints.answer import Answer
from finetrie.endpoints.cache import Cache
from finetrie.endpoints.client import Client, Request
from finetrie.endpoints.connection import Connection, Declined, Unavailable
from finetrie.endpoints.pacing import Budget, Pace, backoff
from finetrie.errors import FinetrieError, ModelError

GIVE_UP_AFTER = 20
"""Requests in a row without an answer after which a server is taken to be down, or the requests to be wrong."""

PATIENCE = 600.0
"""Seconds; a server that asks for a longer pause is asked no more for this answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer to a request."""

    rule: Literal["request_failed", "request_declined", "over_budget"]
    reason: str


class Session:
    """Open connections to a client's server, for one event loop.

    No two requests with the same key are ever under way together, so the second finds the answer to the first.
    """

    def __init__(self, client: Client, cache: Cache, budget: Budget | None = None) -> None:
        self.client, self._cache, self._budget = client, cache, budget
        self._connection = Connection(client)
        self._slots = asyncio.Semaphore(client.concurrency)
        self._pace = Pace(
            client.clock,
            requests_per_minute=client.requests_per_minute,
            tokens_per_minute=client.tokens_per_minute,
        )
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._reserving = asyncio.Lock()
        self._released = asyncio.Event()
        self._stopped: FinetrieError | None = None
        self._answered = False  # now, or by the cache
        self._failed = self._declined = 0

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def ask(self, request: Request) -> tuple[Answer | Failure, bool]:
        """The answer, which is in the cache by now, or why there is none; and whether it was there before.

        Raises:
            ModelError: no request can succeed: a wrong key, address or model, or a server that has gone.
            OutputError: the answer cannot be kept.
        """
        lock = self._asking.setdefault(request.key, asyncio.Lock())
        async with lock:
            known = self._cache.get(request.key)
            if known is not None:
                self._charge(request, known, reserved=0)
                self._answered = True
                return known, True
            if self._budget is not None and not await self._reserve(self._budget, request.most_tokens):
                return Failure(
                    "over_budget", f"the budget of {self._budget.tokens} tokens does not reach this row"
                ), False
            answer: Answer | Failure | None = None
            try:
                answer = await self._until_answered(request)
            finally:
                self._charge(request, answer, reserved=request.most_tokens)
            return answer, False

    async def _reserve(self, budget: Budget, tokens: int) -> bool:
        """Set tokens aside; where they may fit once answers under way have turned out cheaper, wait for these."""
        async with self._reserving:  # in the order of the rows, so that the budget ends with one of them
            while not budget.fits(tokens) and budget.reserved and not budget.closed:
                self._released.clear()
                await self._released.wait()
            if not budget.fits(tokens):
                budget.closed = True
                return False
            budget.reserved += tokens
            return True

    def _charge(self, request: Request, answer: Answer | Failure | None, *, reserved: int) -> None:
        if self._budget is not None:
            used = _used(request, answer) if isinstance(answer, Answer) else 0
            self._budget.settle(reserved, used)
            self._released.set()

    async def _until_answered(self, request: Request) -> Answer | Failure:
        problem = ""
        for tries in range(1, self.client.tries + 1):
            try:
                answer = await self._once(request)
            except Unavailable as error:
                problem = str(error)
                if error.retry_after is not None and error.retry_after > PATIENCE:
                    return self._failure(f"{problem}; it asks to wait {error.retry_after:.0f} s")
                if tries < self.client.tries:
                    if error.retry_after is not None:
                        self._pace.hold(error.retry_after)
                    await self.client.clock.sleep(backoff(tries, request.key) + (error.retry_after or 0.0))
            except Declined as error:
                return self._declines(str(error))
            else:
                self._answered, self._failed = True, 0
                return answer
        return self._failure(f"{problem} ({self.client.tries} tries)")

    async def _once(self, request: Request) -> Answer:
        async with self._slots:
            if self._stopped is not None:
                raise self._stopped
            counted = await self._pace.turn(request.most_tokens)
            try:
                answer = await self._connection.post(request)
                # Before anything else can happen, and before the slot is free: what was paid for is never lost.
                self._cache.put(request.key, answer)
            except FinetrieError as error:
                self._stopped = error
                raise
            self._pace.settle(request.most_tokens, counted, _used(request, answer))
            return answer

    def _failure(self, reason: str) -> Failure:
        self._failed += 1
        if self._failed >= GIVE_UP_AFTER:
            self._stop(f"{self._failed} requests in a row got no answer; the last: {reason}", "see whether it is up")
        return Failure("request_failed", reason)

    def _declines(self, reason: str) -> Failure:
        self._declined += 1
        if self._declined >= GIVE_UP_AFTER and not self._answered:
            self._stop(
                f"all of {self._declined} requests were declined; the last: {reason}", "correct the model or parameters"
            )
        return Failure("request_declined", reason)

    def _stop(self, problem: str, fix: str) -> None:
        self._stopped = ModelError(f"{self.client.host}: {problem}", fix=f"{fix}; then run again: answers are kept")
        raise self._stopped


def _used(request: Request, answer: Answer) -> int:
    return answer.tokens if answer.tokens is not None else request.most_tokens
