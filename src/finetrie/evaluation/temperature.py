"""One number that makes a model as sure of itself as it is right: a temperature, fitted on dev rows.

Dividing every log-probability by T and normalising again flattens (T > 1) or sharpens (T < 1) each row's
distribution over labels. The most probable label stays the same, so accuracy does; only the confidence moves.
Guo et al. (2017), arXiv:1706.04599.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from finetrie.evaluation.calibration import calibration

LOWEST, HIGHEST = 0.05, 20.0
"""Beyond these a row is sure of one label, or of none: dev rows that ask for more are all right or all wrong."""

FLOOR = 1e-12
"""Smallest probability a label counts with: a gold label that a row left at 0 would make every loss infinite."""

Distribution = Mapping[str, float]


@dataclass(frozen=True)
class Temperature:
    """What dev rows say. `value` above 1: the model is too sure of itself; below 1: not sure enough."""

    value: float
    rows: int  # dev rows behind it
    nll_before: float  # mean negative log-likelihood of the gold labels of the dev rows, in nats
    nll_after: float
    at_limit: bool  # stopped at LOWEST or HIGHEST: more dev rows, right and wrong ones, are needed


def fit_temperature(gold: Sequence[str], probabilities: Sequence[Distribution | None]) -> Temperature | None:
    """The temperature with the smallest negative log-likelihood on these rows; None without rows that count.

    Rows without probabilities, and rows whose gold label is not among their labels, do not count: no
    temperature changes what they say of it.
    """
    known = [(truth, row) for truth, row in zip(gold, probabilities, strict=True) if row and truth in row]
    if not known:
        return None
    logs, places = _padded_logs(known)

    def loss(log_t: float) -> float:
        scaled = logs / exp(log_t)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(places)), places]).mean())

    found = minimize_scalar(loss, bounds=(log(LOWEST), log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    at_limit = min(found.x - log(LOWEST), log(HIGHEST) - found.x) < 1e-3
    return Temperature(exp(found.x), len(known), loss(0.0), float(found.fun), bool(at_limit))


def tempered(row: Distribution, temperature: float) -> dict[str, float]:
    """The distribution at another temperature; labels with probability 0 keep it."""
    logs = {label: log(p) / temperature for label, p in row.items() if p > 0}
    top = max(logs.values())
    weights = {label: exp(value - top) for label, value in logs.items()}
    total = sum(weights.values())
    return {label: weights.get(label, 0.0) / total for label in row}


def temperature_report(
    found: Temperature, gold: Sequence[str], probabilities: Sequence[Distribution | None]
) -> dict[str, Any]:
    """The temperature and what it does to the calibration of other rows, the test rows: for `metrics.json`."""
    after = calibration(gold, [tempered(row, found.value) if row else None for row in probabilities])
    before = calibration(gold, probabilities)
    return {
        "value": found.value,
        "dev_rows": found.rows,
        "at_limit": found.at_limit,
        "dev_nll": {"before": found.nll_before, "after": found.nll_after},
        **{name: {"before": before[name], "after": after[name]} for name in ("ece", "brier")},
        "bins": after["bins"],
    }


def _padded_logs(rows: Sequence[tuple[str, Distribution]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """(rows, most labels) log-probabilities, padded with -inf, and the place of each row's gold label."""
    width = max(len(row) for _, row in rows)
    logs = np.full((len(rows), width), -np.inf)
    for i, (_, row) in enumerate(rows):
        logs[i, : len(row)] = np.log(np.maximum(list(row.values()), FLOOR))
    return logs, np.array([list(row).index(truth) for truth, row in rows])
