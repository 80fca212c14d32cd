"""Which rows each optimiser step sees: seeded, and known for any step without replaying the ones before."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Rows shuffled anew in every epoch and cut into groups of `batch_size`, one per optimiser step.

    The order depends on the number of rows, the seed and the epoch, and on nothing that decides how a group is
    computed (packs, micro-batches, devices). No row is dropped: an epoch's last group may be smaller, and since each
    step is a mean over its own tokens, those rows weigh a little more in that epoch.
    """

    rows: int
    batch_size: int
    seed: int = 0
    epochs: float = 1.0

    def __post_init__(self) -> None:
        if self.rows < 1 or self.batch_size < 1 or not self.epochs > 0 or self.seed < 0:
            raise ValueError(f"rows, batch_size and epochs must be positive and seed not negative, got {self}")

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps in all; a fraction of an epoch is rounded up to whole steps."""
        return max(1, math.ceil(self.epochs * self.steps_per_epoch - 1e-9))  # 0.1 * 30 is 3.0000000000000004

    def group(self, step: int) -> tuple[int, ...]:
        """Row numbers of optimiser step `step`, counted from 1."""
        if not 1 <= step <= self.total_steps:
            raise ValueError(f"step {step} is outside 1..{self.total_steps}")
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        rows = _permutation(self.rows, self.seed, epoch)
        return tuple(rows[place * self.batch_size : (place + 1) * self.batch_size].tolist())

    def groups(self, *, first_step: int = 1) -> Iterator[tuple[int, ...]]:
        """The groups from `first_step` to the last."""
        return (self.group(step) for step in range(first_step, self.total_steps + 1))


@lru_cache(maxsize=2)
def _permutation(rows: int, seed: int, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.random.default_rng([seed, epoch]).permutation(rows)
