"""Many rows under way at once, results one by one in the order of the rows, for code that is not asynchronous too."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

ROWS_AHEAD = 16
"""Rows begun for each request that may be under way, so that one slow row does not hold up the others."""


async def in_order(work: Iterable[Coroutine[Any, Any, T]], *, ahead: int) -> AsyncGenerator[T, None]:
    """The results of `work` in its order, with up to `ahead` of it begun; closing the generator cancels these."""
    begun: deque[asyncio.Task[T]] = deque()
    try:
        for one in work:
            begun.append(asyncio.create_task(one))
            while begun and (begun[0].done() or len(begun) >= ahead):
                result = await begun[0]
                begun.popleft()
                yield result
        while begun:
            result = await begun[0]
            begun.popleft()
            yield result
    finally:
        await _cancelled(begun)


def driven(results: AsyncGenerator[T, None]) -> Iterator[T]:
    """Run an asynchronous generator in a loop of its own, in a thread of its own.

    The caller's thread may have a running loop already, and requests under way must go on while the caller works.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="finetrie-requests", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    end = object()
    try:
        while (result := run(_next(results, end))) is not end:
            yield result
    finally:
        run(_finished(results))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def waited(work: Coroutine[Any, Any, T]) -> T:
    """The result of one piece of asynchronous work, wherever the caller is."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _next(results: AsyncGenerator[T, None], end: Any) -> Any:
    return await anext(results, end)


async def _finished(results: AsyncGenerator[T, None]) -> None:
    """End everything on this loop, also a wait for the next result that its caller gave up."""
    await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})
    await results.aclose()


async def _cancelled(tasks: Iterable[asyncio.Task[Any] | None]) -> None:
    waiting = [task for task in tasks if task is not None]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
