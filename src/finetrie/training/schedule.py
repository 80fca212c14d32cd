"""The learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

ScheduleName: TypeAlias = Literal["linear", "cosine", "constant"]

SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,  # Loshchilov and Hutter (2017), arXiv:1608.03983
    "constant": lambda done: 1.0,
}
"""Share of the decaying steps that is done, in [0, 1) → factor on the peak rate, in (0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Climbs to `peak` over the first steps, then follows its shape; called with a step counted from 1.

    No step is wasted on a rate of zero: the first is `peak / warmup_steps`, and the shape would reach zero one step
    behind the last.
    """

    peak: float
    total_steps: int
    shape: ScheduleName = "linear"
    warmup_ratio: float = 0.0  # share of total_steps, rounded up

    def __post_init__(self) -> None:
        if self.shape not in SHAPES or self.total_steps < 1 or not 0 <= self.warmup_ratio < 1:
            raise ValueError(f"expected a shape of {sorted(SHAPES)}, a step and a ratio in [0, 1), got {self}")

    @property
    def warmup_steps(self) -> int:
        return min(math.ceil(self.warmup_ratio * self.total_steps - 1e-9), self.total_steps - 1)

    def __call__(self, step: int) -> float:
        if step <= self.warmup_steps:
            return self.peak * step / self.warmup_steps
        done = (step - self.warmup_steps - 1) / (self.total_steps - self.warmup_steps)
        return self.peak * SHAPES[self.shape](done)
