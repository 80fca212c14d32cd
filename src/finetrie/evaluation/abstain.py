"""When should the model say "ask a person"? Precision against coverage, and the threshold for a wanted precision.

A row is answered when the probability of its most probable label is at least the threshold. Coverage is the share
of rows that are answered, precision the share of those that are right: risk and coverage of El-Yaniv and Wiener
(2010), JMLR 11. The threshold is chosen on dev rows and judged on test rows, which had no say in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from finetrie.evaluation.intervals import Floats, wilson

TARGETS = (0.9, 0.95, 0.99)
"""Precisions that `metrics.json` answers for."""

POINTS = 101
"""At most this many points of a curve are written down."""

Distribution = Mapping[str, float]


@dataclass(frozen=True)
class Confidences:
    """Rows in falling order of confidence; equally confident rows are answered together or not at all."""

    thresholds: Floats  # distinct confidences, falling
    answered: Any  # (thresholds,) rows at least as confident
    right: Any  # (thresholds,) right ones among them
    rows: int  # all rows, those without probabilities included: they are never answered

    @classmethod
    def of(cls, gold: Sequence[str], probabilities: Sequence[Distribution | None]) -> Confidences:
        best = [
            (max(row, key=row.__getitem__), row, truth) for truth, row in zip(gold, probabilities, strict=True) if row
        ]
        confidence = np.array([row[label] for label, row, _ in best], dtype=np.float64)
        right = np.array([label == truth for label, _, truth in best], dtype=np.int64)
        values, kinds, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
        hits = np.bincount(kinds, weights=right, minlength=len(values)).astype(np.int64)
        return cls(-values, np.cumsum(counts), np.cumsum(hits), len(gold))

    def at(self, threshold: float) -> tuple[int, int]:
        """(answered, right) rows with at least this confidence."""
        place = int((self.thresholds >= threshold).sum())
        return (int(self.answered[place - 1]), int(self.right[place - 1])) if place else (0, 0)


def curve(rows: Confidences, *, points: int = POINTS) -> list[dict[str, float]]:
    """Points `{"threshold", "coverage", "precision"}` from the surest row to all rows; evenly thinned."""
    steps = len(rows.thresholds)
    kept = np.unique(np.linspace(0, max(steps - 1, 0), min(points, steps)).round().astype(int))
    return [
        {
            "threshold": float(rows.thresholds[i]),
            "coverage": float(rows.answered[i] / rows.rows),
            "precision": float(rows.right[i] / rows.answered[i]),
        }
        for i in kept
    ]


def choose_threshold(dev: Confidences, target: float) -> float | None:
    """The lowest threshold whose answered rows are right in a share of at least `target`; None: there is none.

    At least 1 / (1 - target) rows must be answered: fewer cannot tell the target from perfection, because one
    mistake among them would miss it.
    """
    enough = dev.answered >= ceil(round(1 / (1 - target), 6))
    good = enough & (dev.right >= target * dev.answered - 1e-9)
    return float(dev.thresholds[np.nonzero(good)[0][-1]]) if good.any() else None


def abstain_report(
    dev: Confidences, test: Confidences, *, targets: Sequence[float] = TARGETS, confidence: float = 0.95
) -> dict[str, Any]:
    """The test curve, and what each target precision costs in coverage: for `metrics.json`.

    `targets[i]["verdict"]`: "reached" or "missed" when the interval of the precision on test rows lies on one side
    of the target, "open" when it holds the target, "unreachable" when no threshold reaches it on dev rows.
    """
    chosen = [_target(dev, test, target, confidence=confidence) for target in targets]
    return {"dev_rows": dev.rows, "confidence": confidence, "targets": chosen, "curve": curve(test)}


def _target(dev: Confidences, test: Confidences, target: float, *, confidence: float) -> dict[str, Any]:
    threshold = choose_threshold(dev, target)
    if threshold is None:
        return {"target": target, "threshold": None, "verdict": "unreachable", "reason": _why_not(dev, target)}
    on_test = _share(test, threshold, confidence=confidence)
    low, high = on_test["precision_ci"] or (0.0, 1.0)
    verdict = "reached" if low >= target else "missed" if high < target else "open"
    on_dev = _share(dev, threshold, confidence=confidence)
    return {"target": target, "threshold": threshold, "verdict": verdict, "dev": on_dev, "test": on_test}


def _share(rows: Confidences, threshold: float, *, confidence: float) -> dict[str, Any]:
    answered, right = rows.at(threshold)
    return {
        "rows": answered,
        "coverage": answered / rows.rows if rows.rows else None,
        "precision": right / answered if answered else None,
        "precision_ci": wilson(right, answered, confidence=confidence),
    }


def _why_not(dev: Confidences, target: float) -> str:
    least = ceil(round(1 / (1 - target), 6))
    enough = dev.answered >= least
    if not enough.any():
        return f"{int(dev.answered[-1]) if len(dev.answered) else 0} dev rows; a precision of {target:g} needs {least}"
    best = float((dev.right[enough] / dev.answered[enough]).max())
    return f"the best precision on at least {least} dev rows is {best:.3f}"
