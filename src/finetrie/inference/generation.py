"""Greedy answers for many prompts at once, each the same as if its prompt were alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import torch

from finetrie.inference.batching import Sizes, attempt, cell_bytes
from finetrie.inference.branches import Branches, summarise
from finetrie.inference.engine import Finished
from finetrie.trie import Prefix

CROWD = 0.75  # rows that have finished leave when fewer than this share of the batch is left
FEW = 0.125  # rows left over by a batch join the next one rather than continue among themselves


@dataclass(eq=False)
class Answer:
    """One prompt being answered. `said` can start with tokens that are already known."""

    index: int
    ids: tuple[int, ...]  # the prompt
    limit: int  # tokens to say at most, the stop token included
    said: list[int] = field(default_factory=list)
    log_probability: float | None = 0.0  # None where it was not computed
    finished: Finished | None = None
    seconds: float = 0.0
    error: str | None = None
    _known: tuple[int, float | None] = (0, 0.0)

    def mark(self) -> None:
        """Remember how far the answer is, for `rewind`."""
        self._known = len(self.said), self.log_probability

    def rewind(self) -> None:
        """Forget what was said since `mark`: a batch that failed half way starts again."""
        tokens, self.log_probability = self._known
        del self.said[tokens:]
        self.finished = None

    def say(self, token: int, log_probability: float, stop_ids: Collection[int]) -> None:
        self.said.append(token)
        if self.log_probability is not None:
            self.log_probability += log_probability
        if token in stop_ids:
            self.finished = "stop"
        elif len(self.said) >= self.limit:
            self.finished = "length"


def answer_rows(
    model: Any, prefix: Prefix, answers: Sequence[Answer], *, stop_ids: Collection[int], sizes: Sizes
) -> None:
    """Answer every prompt greedily; results and errors are left in the answers.

    The longest prompts go first, so what does not fit into memory is known at once. A few long answers
    do not hold the others up: rows that have finished leave their batch, and what little is left of
    a batch joins the next one with what it has said so far.
    """
    queue = deque(sorted((a for a in answers if a.finished is None), key=lambda a: -len(a.ids)))
    while queue:
        batch = _next_batch(queue, prefix, sizes)
        for answer in batch:
            answer.mark()
        few = FEW if queue else 0.0
        attempt(batch, partial(_answer_batch, model, prefix, stop_ids=stop_ids, budget=sizes.tokens, few=few), _failed)
        queue.extendleft(answer for answer in reversed(batch) if answer.finished is None and answer.error is None)


def _failed(answer: Answer, error: str) -> None:
    answer.error = error


def _next_batch(queue: deque[Answer], prefix: Prefix, sizes: Sizes) -> list[Answer]:
    """Take as many rows as may be held at once, at least one."""
    cell = cell_bytes(prefix)
    batch: list[Answer] = []
    longest = 0
    while queue and len(batch) < sizes.rows:
        longest = max(longest, len(queue[0].ids) + queue[0].limit)
        if batch and cell * longest * (len(batch) + 1) > sizes.cache_bytes:
            break
        batch.append(queue.popleft())
    return batch


def _answer_batch(
    model: Any, prefix: Prefix, rows: Sequence[Answer], *, stop_ids: Collection[int], budget: int, few: float
) -> None:
    """Answer until at most the share `few` of the rows is left unfinished."""
    clock = perf_counter()
    for row in rows:
        row.rewind()

    def share(among: Sequence[Answer]) -> None:
        nonlocal clock
        now = perf_counter()
        for row in among:
            row.seconds += (now - clock) / len(among)
        clock = now

    own = [[*row.ids[len(prefix) :], *row.said] for row in rows]
    room = max(row.limit - len(row.said) for row in rows)
    capacity = len(prefix) + max(map(len, own)) + room
    branches = Branches.of(model, prefix, rows=len(rows), capacity=capacity)
    for first, last, logits in branches.prefill(own, budget=budget, keep=1):
        _say(rows[first:last], logits[:, -1], stop_ids)
        share(rows[first:last])
    active = list(rows)
    while True:
        left = [index for index, row in enumerate(active) if row.finished is None]
        if len(left) <= few * len(rows):
            return
        if len(left) <= CROWD * len(active):
            branches, active = branches.select(left), [active[index] for index in left]
        step = branches.used
        tokens = torch.tensor([[row.said[-1]] for row in active], device=branches.device)
        positions = torch.tensor([[len(row.ids) + len(row.said) - 1] for row in active], device=branches.device)
        branches.bias[:, step] = 0
        logits = branches.extend(tokens, positions, branches.bias[:, None, : step + 1], keep=1)
        _say(active, logits[:, -1], stop_ids)
        share([row for row in active if row.finished is None] or active)


def _say(rows: Sequence[Answer], logits: torch.Tensor, stop_ids: Collection[int]) -> None:
    """Let every row that has not finished say its most probable token."""
    normaliser, best = summarise(logits)
    chosen = logits.gather(1, best[:, None])[:, 0].float() - normaliser
    for row, token, log_probability in zip(rows, best.tolist(), chosen.tolist(), strict=True):
        if row.finished is None:
            row.say(token, log_probability, stop_ids)
