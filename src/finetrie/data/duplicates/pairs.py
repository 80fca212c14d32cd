"""Pairs of alike rows as arrays of integers: a million pairs take 20 megabytes, and no object each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows `first[k] < second[k]` are alike by `score[k]`; ordered by second row, best score, first row."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float32]  # in [0, 1]

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        yield from zip(self.first.tolist(), self.second.tolist(), self.score.tolist(), strict=True)

    def renumbered(self, positions: NDArray[np.int64]) -> Pairs:
        """The same pairs, where row `i` of the search is row `positions[i]` of the set; ascending positions."""
        return Pairs(positions[self.first], positions[self.second], self.score)

    def only(self, wanted: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.first[wanted], self.second[wanted], self.score[wanted])


def gather(parts: Iterable[Pairs]) -> Pairs:
    """All pairs of `parts` once, in order."""
    kept = [part for part in parts if len(part)]
    if not kept:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    first, second = (np.concatenate([getattr(part, name) for part in kept]) for name in ("first", "second"))
    score = np.concatenate([part.score for part in kept])
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((low, -score, high))
    low, high, score = low[order], high[order], score[order]
    again = np.zeros(len(low), dtype=bool)
    again[1:] = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
    return Pairs(low, high, score).only(~again)
