"""Confident learning: which labels a model contradicts, measured by how sure it usually is of each label.

Northcutt, Jiang and Chuang (2021), Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70,
pages 1373-1411, arXiv:1911.00068. Shapes: `probabilities` is (rows, labels), out of fold; `given` is (rows,), the
column of each row's own label.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.floating[Any]]"
Ints: TypeAlias = "npt.NDArray[np.int64]"
Bools: TypeAlias = "npt.NDArray[np.bool_]"

TEMPERATURES = np.geomspace(0.25, 4, 33)

_TINY = 1e-12
_ROUNDING = 1e-6  # a mean of equal 32-bit numbers may lie a hair above all of them


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """(rows, labels): softmax(log p / temperature). Below 1 sharpens, above 1 flattens; the order of labels stays."""
    logits = np.log(np.maximum(probabilities, _TINY)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fitted_temperature(probabilities: Floats, given: Ints) -> float:
    """The one of `TEMPERATURES` under which the given labels are most probable.

    A model that hedges, or boasts, then says "nine times as probable" where that is so of the labels at hand.
    Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks, ICML. The loss has one minimum.
    """

    def loss(at: int) -> float:
        own = scaled(probabilities, TEMPERATURES[at])[np.arange(len(given)), given]
        # Sorted, so that the last digit of the sum does not depend on the order of the rows.
        return float(np.sort(-np.log(np.maximum(own, _TINY))).sum())

    low, high = 0, len(TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if loss(middle) <= loss(middle + 1) else (middle + 1, high)
    return float(TEMPERATURES[low])


def label_thresholds(probabilities: Floats, given: Ints) -> Floats:
    """(labels,): the mean probability of each label over the rows that bear it; infinite for a label without rows.

    A label that the model is rarely sure of has a low threshold, so hard and rare classes are not all suspects.
    """
    labels = probabilities.shape[1]
    own = probabilities[np.arange(len(given)), given].astype(np.float64)
    rows = np.bincount(given, minlength=labels)
    sums = np.bincount(given, weights=own, minlength=labels)
    return np.where(rows > 0, sums / np.maximum(rows, 1), np.inf)


def confident_labels(probabilities: Floats, thresholds: Floats) -> Ints:
    """(rows,): the most probable label among those that reach their threshold; -1 where none does."""
    reached = probabilities >= thresholds - _ROUNDING
    best: Ints = np.where(reached, probabilities, -1.0).argmax(axis=1)
    return np.where(reached.any(axis=1), best, -1)


def confident_joint(given: Ints, confident: Ints, *, labels: int) -> Ints:
    """(labels, labels): rows that bear label i and are confidently j; those without a confident label do not count."""
    counted = confident >= 0
    cells = given[counted] * labels + confident[counted]
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def estimated_joint(joint: Ints, rows: Ints) -> Floats:
    """(labels, labels): how many of all rows bear label i and are truly j. Each line sums to the label's `rows`.

    A label of which no row was counted is taken to be right.
    """
    counted = joint.sum(axis=1, keepdims=True)
    share = np.where(counted > 0, joint / np.maximum(counted, 1), np.eye(len(joint)))
    return np.asarray(share * rows[:, None])


def margins(probabilities: Floats, given: Ints) -> tuple[Floats, Ints]:
    """(rows,) and (rows,): the normalised margin and the best label other than the given one.

    The margin is p(best other) / (p(best other) + p(given)): 0 where the model is certain of the given label, 0.5 where
    it cannot decide between the two, 1 where it rules the given label out. Dividing by the mass of the two keeps
    rows comparable when many labels share the rest; plain differences of probabilities rank those rows too low.
    """
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    others = probabilities.copy()
    others[rows, given] = -1.0
    best: Ints = others.argmax(axis=1)
    other = probabilities[rows, best]
    return other / np.maximum(other + own, _TINY), best
