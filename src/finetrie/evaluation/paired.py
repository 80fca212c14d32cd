"""Is B better than A? Tests and intervals for two results on the same rows.

Two models are right on mostly the same rows, so only the rows on which they differ tell them apart. A test that
looks at the pairs therefore sees differences that two separate intervals hide: on 220 rows, 141 against 123 right
answers are p = .080 as two samples, and p = .008 as pairs when 30 rows went one way and 12 the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import hstack
from scipy.stats import binomtest, norm

from finetrie.evaluation import intervals
from finetrie.evaluation.intervals import Floats, Ints, number_or_none, percentile_interval, resampled_totals
from finetrie.evaluation.row_counts import RowCounts

POWER = 0.8
"""A difference is called detectable when it would be found this often (Cohen, 1988)."""

ROUNDING = 1e-12
"""Scores this close are equal: sums in another order may differ in the last bit."""


@dataclass(frozen=True)
class PairedTest:
    """B against A by one score on the same rows. What is undefined, such as F1 without an entity, is None."""

    metric: str
    a: float | None
    b: float | None
    difference: float | None  # b - a: above 0, B is better
    interval: list[float] | None  # of the difference
    p: float | None  # two-sided, of this pair alone
    test: str  # "exact McNemar" or "approximate randomisation"
    detectable: float | None  # smallest true difference that this test would find in POWER of such test sets
    p_holm: float | None = None  # p among all tests of the same question; see `with_holm`


def paired_test(
    a: RowCounts, b: RowCounts, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> PairedTest:
    """Compare two results row by row.

    For a share of right rows (accuracy): exact McNemar test, the interval of Bonett and Price (2012), and the
    detectable difference of Connor (1987). For every other score: approximate randomisation, the paired
    bootstrap, and, for the detectable difference, the bootstrap's standard error.

    Args:
        a, b: the same metric, of the same rows in the same order.
        confidence: level of the interval; 1 - confidence is the level of `detectable`.
    """
    if a.metric != b.metric or a.rows != b.rows or a.table.shape[1] != b.table.shape[1]:
        raise ValueError(f"not the same score of the same rows: {a.metric}, {a.rows} rows; {b.metric}, {b.rows} rows")
    difference = b.value - a.value
    if a.share:
        lost, won = int((a.right & ~b.right).sum()), int((~a.right & b.right).sum())
        test = "exact McNemar"
        p: float | None = mcnemar(lost, won)
        interval = share_interval(lost, won, a.rows, confidence=confidence)
        detectable = detectable_share((lost + won) / a.rows, a.rows, level=1 - confidence) if a.rows else None
    else:
        test = "approximate randomisation"
        p = randomisation(a, b, resamples=resamples, seed=seed)
        drawn = bootstrap_differences(a, b, resamples=resamples, seed=seed)
        interval = percentile_interval(drawn, confidence=confidence)
        detectable = _detectable(drawn, level=1 - confidence)
    known = not isnan(difference)
    scores = (number_or_none(a.value), number_or_none(b.value), number_or_none(difference))
    return PairedTest(a.metric, *scores, interval if known else None, p if known else None, test, detectable)


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p of McNemar's test: `lost` rows only A answers rightly, `won` rows only B.

    Under the null hypothesis each such row falls to either side like a coin. Without one there is nothing to
    tell A and B apart: p = 1. McNemar (1947), Psychometrika 12(2).
    """
    return float(binomtest(won, lost + won).pvalue) if lost + won else 1.0


def share_interval(lost: int, won: int, rows: int, *, confidence: float = 0.95) -> list[float] | None:
    """Interval of the difference of two shares of the same rows, (won - lost) / rows; None without rows.

    Wald's interval with one row added to each kind of disagreement, which keeps its level in small samples and
    has a width even when no row differs. Bonett and Price (2012), J. Educ. Behav. Stat. 37(4).
    """
    if not rows:
        return None
    fell, rose = (lost + 1) / (rows + 2), (won + 1) / (rows + 2)
    half = float(norm.isf((1 - confidence) / 2)) * sqrt((fell + rose - (rose - fell) ** 2) / (rows + 2))
    return [max(-1.0, rose - fell - half), min(1.0, rose - fell + half)]


def detectable_share(discordance: float, rows: int, *, level: float = 0.05, power: float = POWER) -> float | None:
    """Smallest difference of two shares that McNemar's test finds with probability `power`; None: none can be.

    Solves Connor's sample size, rows = (z₁ √ψ + z₂ √(ψ - δ²))² / δ², for δ, where ψ is the share of rows on which
    the two differ and z₁, z₂ are the normal quantiles of level and power. A difference of δ needs ψ of at least δ,
    so where the observed ψ is smaller, ψ = δ is taken. Connor (1987), Biometrics 43(1).

    Args:
        discordance: ψ, in [0, 1], as observed or assumed.
        level: two-sided level of the test.
    """
    z1, z2 = float(norm.isf(level / 2)), float(norm.ppf(power))
    room = rows - z1 * z1 + z2 * z2
    if room >= 0:
        found = sqrt(discordance) * (z1 * sqrt(rows) + z2 * sqrt(room)) / (rows + z2 * z2)
        if 0 < found <= discordance:
            return found
    if rows <= z1 * z1:
        return None
    return float(brentq(lambda d: sqrt(rows * d) - z1 - z2 * sqrt(1 - d), 0.0, 1.0))


def randomisation(a: RowCounts, b: RowCounts, *, resamples: int = 10_000, seed: int = 0) -> float | None:
    """Two-sided p of approximate randomisation; None where the scores are undefined.

    If A and B are alike, each row's two answers may change places. p is the share of such exchanges, the
    observed one included, that differ as much as A and B do. Rows of the same pair of kinds are exchanged
    together, by one binomial draw. Noreen (1989); Yeh (2000), COLING.
    """
    observed = abs(b.value - a.value)
    if isnan(observed):
        return None
    kinds_a, kinds_b, counts = _joint_kinds(a, b)
    change = b.table[kinds_b] - a.table[kinds_a]
    differs = np.asarray(abs(change).sum(axis=1)).ravel() > 0
    change, counts = change[differs], counts[differs]
    if not len(counts):
        return 1.0
    draw, as_far = np.random.default_rng(seed), 0
    block = max(1, intervals.CELLS_AT_ONCE // len(counts))
    for start in range(0, resamples, block):
        exchanged = draw.binomial(counts, 0.5, size=(min(block, resamples - start), len(counts)))
        moved = np.asarray(exchanged @ change, dtype=np.float64)
        far = np.abs(b.score(b.totals - moved) - a.score(a.totals + moved))
        as_far += int((far >= observed - ROUNDING).sum())
    return (as_far + 1) / (resamples + 1)


def bootstrap_differences(a: RowCounts, b: RowCounts, *, resamples: int = 10_000, seed: int = 0) -> Floats:
    """b - a on resampled rows, the same rows for both; resamples where it is undefined are left out."""
    kinds_a, kinds_b, counts = _joint_kinds(a, b)
    both = hstack([a.table[kinds_a], b.table[kinds_b]], format="csr")
    drawn = [np.empty(0)]
    for totals in resampled_totals(both, counts, resamples=resamples, seed=seed):
        of_a, of_b = np.split(totals, 2, axis=1)
        drawn.append(b.score(of_b) - a.score(of_a))
    differences: Floats = np.concatenate(drawn)
    return differences[~np.isnan(differences)]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that hold for all tests together: below the level with at most that chance of one false alarm.

    The k-th smallest of m is multiplied by m - k + 1, and none may be smaller than the one before it.
    Holm (1979), Scand. J. Stat. 6(2).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def with_holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """The tests with `p_holm` over all of those that have a p."""
    adjusted = iter(holm([test.p for test in tests if test.p is not None]))
    return [test if test.p is None else replace(test, p_holm=next(adjusted)) for test in tests]


def _joint_kinds(a: RowCounts, b: RowCounts) -> tuple[Ints, Ints, Ints]:
    """The pairs of kinds that occur, as (kind in A, kind in B, rows)."""
    width = b.table.shape[0]
    pairs, counts = np.unique(a.kinds * width + b.kinds, return_counts=True)
    return pairs // width, pairs % width, counts.astype(np.int64)


def _detectable(differences: Floats, *, level: float) -> float | None:
    """(z₁ + z₂) · standard error: the difference whose z-test has power POWER. Bloom (1995), Eval. Rev. 19(5)."""
    error = float(np.std(differences)) if differences.size else 0.0
    multiple = float(norm.isf(level / 2) + norm.ppf(POWER))
    return multiple * error or None
