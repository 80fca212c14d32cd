"""Questions that come one by one, answered together: a batch shares what its prompts begin with."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from finetrie.inference.engine import Completion, Decoding, Engine, LabelScores
from finetrie.records import Prompt

WINDOW = 0.005
"""Seconds that a question waits for others; far less than a forward pass takes."""

MOST = 64
"""Questions in one batch."""


@dataclass(frozen=True)
class _Waiting:
    prompt: Prompt
    kind: tuple[Any, ...]  # questions of one kind can be answered by one call of the engine
    labels: tuple[str, ...] = ()
    answer: Future[Any] = field(default_factory=Future)


class Batches:
    """Collects questions for `window` seconds and asks the engine about all of them, in one thread of its own.

    What the engine answers does not depend on what else is in a batch, so neither do these answers.
    """

    def __init__(self, engine: Engine, *, window: float = WINDOW, most: int = MOST) -> None:
        self._engine, self._window, self._most = engine, window, most
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="finetrie-serving", daemon=True)
        self._thread.start()

    def score(self, prompt: Prompt, labels: Sequence[str], decodings: Sequence[Decoding]) -> Future[LabelScores]:
        return self._ask(_Waiting(prompt, ("score", *decodings), tuple(labels)))

    def generate(self, prompt: Prompt, *, max_new_tokens: int) -> Future[Completion]:
        return self._ask(_Waiting(prompt, ("generate", max_new_tokens)))

    def close(self) -> None:
        """Answer what has been asked, then end."""
        self._queue.put(None)
        self._thread.join()

    def _ask(self, waiting: _Waiting) -> Future[Any]:
        self._queue.put(waiting)
        return waiting.answer

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._collect(first)
            kinds: dict[tuple[Any, ...], list[_Waiting]] = defaultdict(list)
            for waiting in batch:
                if waiting.answer.set_running_or_notify_cancel():  # false: its client has gone
                    kinds[waiting.kind].append(waiting)
            for kind, alike in kinds.items():
                self._answer(kind, alike)
            if last:
                return

    def _collect(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What comes within the window, and whether it is the last batch."""
        batch, until = [first], time.monotonic() + self._window
        while len(batch) < self._most:
            try:
                waiting = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if waiting is None:
                return batch, True
            batch.append(waiting)
        return batch, False

    def _answer(self, kind: tuple[Any, ...], alike: Sequence[_Waiting]) -> None:
        prompts = [waiting.prompt for waiting in alike]
        ask: Callable[[], Iterator[Any]]
        if kind[0] == "score":
            labels = [waiting.labels for waiting in alike]
            ask = lambda: self._engine.score(prompts, labels, decodings=kind[1:])  # noqa: E731
        else:
            ask = lambda: self._engine.generate(prompts, max_new_tokens=kind[1])  # noqa: E731
        try:
            answers = list(ask())
        except Exception as error:  # the thread must live on; each client is told
            for waiting in alike:
                waiting.answer.set_exception(error)
            return
        for waiting, answer in zip(alike, answers, strict=True):
            waiting.answer.set_result(answer)
