"""How much a score depends on chance in training: mean, spread and interval over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t as student

FEW = 3
"""With fewer seeds than this the interval of the mean would be all guess: lowest and highest score are shown."""


@dataclass(frozen=True)
class Spread:
    """Scores of the same training with other seeds.

    `interval` holds the mean of many more seeds with the stated confidence when it is "t"; when it is "range" it
    is only the lowest and the highest score. It says nothing about other test sets.
    """

    seeds: int
    mean: float | None
    sd: float | None  # of single seeds, with n - 1; None for one seed
    interval: tuple[float, float] | None
    kind: str  # "t", "range" or "none"


def spread(scores: Sequence[float], *, confidence: float = 0.95) -> Spread:
    """Mean, standard deviation and interval of one score per seed.

    From three seeds on the interval is Student's; for two it is their range, for one there is none.
    """
    values = np.asarray(scores, dtype=np.float64)
    n = len(values)
    if n == 0:
        return Spread(0, None, None, None, "none")
    mean = float(values.mean())
    if n == 1:
        return Spread(1, mean, None, None, "none")
    sd = float(values.std(ddof=1))
    if n < FEW:
        return Spread(n, mean, sd, (float(values.min()), float(values.max())), "range")
    half = float(student.isf((1 - confidence) / 2, n - 1)) * sd / sqrt(n)
    return Spread(n, mean, sd, (mean - half, mean + half), "t")
