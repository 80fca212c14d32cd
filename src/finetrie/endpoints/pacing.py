"""How often a server is asked, how long to wait after a failure, and how much may be spent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from random import Random

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
"""Seconds before the second try, and at most, unless the server names a time."""

_GRAIN = 1e-3  # seconds; a shorter wait is a rounding error


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the client sees it; a test gives its own."""

    now: Callable[[], float] = time.monotonic  # seconds, from anywhere
    wall: Callable[[], float] = time.time  # seconds since 1970, for dates in headers
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True)
class Budget:
    """Tokens that a piece of work may cost, questions and answers together.

    Every answer that is used counts, also one that an earlier run has paid for: the same work costs the same however
    often it was interrupted. A request is sent only if the most it can cost still fits. The first one that does not
    closes the budget, so that what has been written is the beginning of the data and not its shorter texts; answers
    that are already in the cache are used all the same. Run again with more tokens to go on.
    """

    tokens: int
    spent: int = 0  # by the usage that servers report; the most it can have been where they do not
    reserved: int = field(default=0, init=False)  # the most that requests under way can cost
    closed: bool = field(default=False, init=False)

    def fits(self, tokens: int) -> bool:
        return not self.closed and self.spent + self.reserved + tokens <= self.tokens

    def settle(self, reserved: int, spent: int) -> None:
        self.reserved -= reserved
        self.spent += spent


class Pace:
    """Requests and tokens spread evenly over each minute, so that no window of the server's sees more.

    Belongs to one event loop. Calls of `turn` are served in order.
    """

    def __init__(self, clock: Clock, *, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._clock = clock
        self._request_seconds = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token_seconds = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_request = self._next_tokens = clock.now()
        self._queue = asyncio.Lock()
        self._most = self._used = 0

    async def turn(self, most: int) -> float:
        """Wait until a request of at most so many tokens may be sent; returns the tokens it was counted with.

        The bound is far from what requests use, so it is taken by the share that earlier ones used.
        """
        async with self._queue:
            while (wait := max(self._next_request, self._next_tokens) - self._clock.now()) > _GRAIN:
                await self._clock.sleep(wait)
            now = self._clock.now()
            self._next_request = max(now, self._next_request) + self._request_seconds
            counted = most * (self._used / self._most if self._most else 1.0)
            self._next_tokens = max(now, self._next_tokens) + counted * self._token_seconds
            return counted

    def settle(self, most: int, counted: float, used: int) -> None:
        """Correct what a request was counted with, now that its answer says what it used."""
        self._most, self._used = self._most + most, self._used + used
        self._next_tokens += (used - counted) * self._token_seconds

    def hold(self, seconds: float) -> None:
        """Nobody's turn for so long: the server has asked for a pause."""
        self._next_request = max(self._next_request, self._clock.now() + seconds)


def backoff(tries: int, seed: str) -> float:
    """Seconds to wait after so many failed tries: doubling from `FIRST_WAIT` to `LONGEST_WAIT`, less up to a half.

    The random part keeps clients apart that failed together; it depends on `seed` and `tries` only.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 30))
    return longest * (1 - 0.5 * Random(f"{seed}:{tries}").random())


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds that a server asks to wait, from `Retry-After-Ms` or `Retry-After` (seconds or an HTTP date)."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError, IndexError, OverflowError):  # all of which the parser of dates is known to raise
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - wall)
