"""Does 90 % mean 90 %? Calibration error, Brier score, and the bins of a reliability plot.

Both are about the distribution over labels, not about the decoded answer: the confidence of a row is
its highest label probability, and it is right when that label is the gold one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BINS = 10


def calibration(
    gold: Sequence[str], probabilities: Sequence[Mapping[str, float] | None], *, bins: int = BINS
) -> dict[str, Any]:
    """Expected calibration error and multi-class Brier score over the rows that have probabilities.

    Returns:
        `ece`: in [0, 1], 0 is best. Mean gap between confidence and accuracy over `bins` equally wide bins
        of confidence, weighted by rows; Guo et al. (2017), arXiv:1706.04599.
        `brier`: in [0, 2], 0 is best. Mean over rows of the summed squared error over labels; a label that
        a row's probabilities leave out has probability 0. Brier (1950).
        `rows`: how many rows stand behind both. `bins`: the bins with rows, for the reliability plot.
        Without such rows `ece` and `brier` are None.
    """
    known = [(truth, row) for truth, row in zip(gold, probabilities, strict=True) if row]
    if not known:
        return {"ece": None, "brier": None, "rows": 0, "binning": f"{bins} bins of equal width", "bins": []}
    best = [max(row, key=lambda label, row=row: row[label]) for _, row in known]  # type: ignore[misc]
    confidence = np.array([row[label] for label, (_, row) in zip(best, known, strict=True)], dtype=np.float64)
    right = np.array([label == truth for label, (truth, _) in zip(best, known, strict=True)], dtype=np.float64)
    table = _bins(confidence, right, bins)
    return {
        "ece": float(sum(b["count"] * abs(b["accuracy"] - b["confidence"]) for b in table) / len(known)),
        "brier": float(np.mean([_squared_error(truth, row) for truth, row in known])),
        "rows": len(known),
        "binning": f"{bins} bins of equal width",
        "bins": table,
    }


def _bins(confidence: Any, right: Any, bins: int) -> list[dict[str, Any]]:
    # Bins are (low, high]; rounding in a softmax can leave a confidence just outside [0, 1].
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        {
            "low": i / bins,
            "high": (i + 1) / bins,
            "count": int((index == i).sum()),
            "confidence": float(confidence[index == i].mean()),
            "accuracy": float(right[index == i].mean()),
        }
        for i in sorted(set(index.tolist()))
    ]


def _squared_error(truth: str, row: Mapping[str, float]) -> float:
    missing = 0.0 if truth in row else 1.0  # the gold label had probability 0
    return missing + sum((p - (label == truth)) ** 2 for label, p in row.items())
