"""How sure a score is: Wilson's interval for a share, resampling for everything else.

Resampling draws the test set anew, with replacement, many times. Rows that count the same are
interchangeable, so a draw is one multinomial over the *kinds* of rows, not a loop over the rows:
10,000 resamples take tenths of a second, and give what the loop would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CELLS_AT_ONCE = 4_000_000
"""Draws held in memory at a time (8 bytes each)."""


def wilson(successes: int, rows: int, *, confidence: float = 0.95) -> list[float] | None:
    """Wilson's score interval of `successes / rows`; None without rows.

    Unlike the normal approximation it stays inside [0, 1] and is honest at 0 % and 100 %.
    Wilson (1927), JASA 22(158).
    """
    if rows == 0:
        return None
    interval = binomtest(successes, rows).proportion_ci(confidence_level=confidence, method="wilson")
    return [float(interval.low), float(interval.high)]


def percentile_interval(values: Floats, *, confidence: float = 0.95) -> list[float] | None:
    """The middle `confidence` share of resampled values; None without values."""
    if values.size == 0:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return [float(low), float(high)]


def resampled_totals(kinds: Any, counts: Ints, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Totals of resampled test sets, in blocks of shape (resamples of the block, measures).

    Args:
        kinds: (kinds, measures) array or scipy sparse array: what one row of each kind adds to each measure.
        counts: (kinds,) how many rows of the test set are of each kind.
    """
    rows = int(counts.sum())
    if rows == 0:
        return
    draw = np.random.default_rng(seed)
    share = counts / rows
    block = max(1, min(resamples, CELLS_AT_ONCE // len(counts)))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = draw.multinomial(rows, share, size=size)
        yield np.asarray(drawn @ kinds, dtype=np.float64)


def distinct_rows(measures: Ints) -> tuple[Ints, Ints]:
    """The distinct rows of a (rows, measures) array and how often each occurs."""
    kinds, counts = np.unique(measures, axis=0, return_counts=True)
    return kinds.astype(np.int64), counts.astype(np.int64)


def f1_scores(hits: Any, predicted: Any, gold: Any) -> Floats:
    """F1 = 2·hits / (predicted + gold), elementwise; 0/0, a label that nobody names, is NaN."""
    total = np.asarray(predicted, dtype=np.float64) + gold
    scores: Floats = np.full_like(total, np.nan)
    np.divide(2.0 * np.asarray(hits, dtype=np.float64), total, out=scores, where=total > 0)
    return scores


def number_or_none(value: Any) -> float | None:
    """A score for JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


def mean_of_known(values: Floats) -> Floats:
    """Mean over the last axis, NaN left out; NaN where nothing is left (without numpy's warning)."""
    known = ~np.isnan(values)
    n = np.asarray(known.sum(axis=-1))
    means: Floats = np.full(n.shape, np.nan)
    np.divide(np.where(known, values, 0.0).sum(axis=-1), n, out=means, where=n > 0)
    return means
