"""Which rows go together: bounded by memory before it is used, halved when it runs out all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from finetrie.trie import Prefix, default_budget

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is computed and held at a time. Changes speed and memory, never an answer."""

    tokens: int  # a forward pass, padding included
    rows: int  # that are answered together
    cache_bytes: int  # keys and values of those rows
    logit_bytes: int  # vocabulary logits of a forward pass
    window: int = 1024  # rows sorted by length at a time: how far results can lag behind the first prompt

    @classmethod
    def of(cls, device: torch.device) -> Sizes:
        """Measured defaults: a CPU wants what stays in its caches, a GPU as much as its memory holds."""
        tokens = default_budget(device.type)
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            return cls(tokens=tokens, rows=512, cache_bytes=int(free * 0.5), logit_bytes=int(free * 0.15))
        return cls(tokens=tokens, rows=128, cache_bytes=1 << 30, logit_bytes=1 << 28)


def cell_bytes(prefix: Prefix) -> int:
    """Memory of one token's keys and values over all layers."""
    return sum(tensor.shape[1] * tensor.shape[3] * tensor.element_size() for layer in prefix.layers for tensor in layer)


def ranges(
    lengths: Sequence[int], *, tokens: int, rows: int | None = None, enough: int | None = None
) -> Iterator[tuple[int, int]]:
    """Consecutive half-open ranges whose padded size stays within `tokens`; a longer row stands alone.

    With `enough`, a range of at least that many tokens also ends where padding would be a tenth of it.

    >>> list(ranges([3, 3, 4, 9], tokens=8))
    [(0, 2), (2, 3), (3, 4)]
    """
    start, longest, real = 0, 0, 0
    for index, length in enumerate(lengths):
        longest, real = max(longest, length), real + length
        count = index - start + 1
        too_much = longest * count > tokens or (rows is not None and count > rows)
        too_loose = enough is not None and longest * count > enough and real < 0.9 * longest * count
        if count > 1 and (too_much or too_loose):
            yield start, index
            start, longest, real = index, length, length
    if start < len(lengths):
        yield start, len(lengths)


def attempt(batch: Sequence[Row], run: Callable[[Sequence[Row]], None], failed: Callable[[Row, str], None]) -> None:
    """Run a batch; if it fails, run its halves, so that only the rows at fault fail.

    `run` must be repeatable. An error is noted with its row and does not escape.
    """
    try:
        run(batch)
        return
    except Exception as error:  # a row can fail for any reason; the other rows have their answers
        if len(batch) == 1:
            failed(batch[0], f"{type(error).__name__}: {error}")
            return
    if torch.cuda.is_available():  # outside the handler: its traceback held the tensors that did not fit
        torch.cuda.empty_cache()
    middle = len(batch) // 2
    attempt(batch[:middle], run, failed)
    attempt(batch[middle:], run, failed)
