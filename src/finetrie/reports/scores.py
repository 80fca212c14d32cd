"""The tables of a classifier: per class, confusion matrix, decodings, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetrie.reports.numbers import is_number

SMALL_MATRIX = 25
"""Up to this many labels the matrix is on the page as it is; above, the confused pairs come first."""

LARGEST_MATRIX = 250
"""More labels than this do not make a table that anybody can read (or a page that opens quickly)."""

PAIRS = 20
CLASSES = 300


@dataclass(frozen=True)
class Cell:
    """One cell of a heat map. `shade` in [0, 1] is its share of the true label's rows."""

    count: int
    shade: float
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix as a table: `rows` are (true label, cells), cells in the order of `columns`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Pair:
    """A true label and the wrong answer it was given, `count` times."""

    gold: str
    answer: str
    count: int
    share: float  # of the rows of the true label


@dataclass(frozen=True)
class ClassRow:
    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    confused: Pair | None


def class_rows(metrics: Mapping[str, Any], *, other: str) -> list[ClassRow]:
    """One row per label, the largest first; `other` names what is outside the label set."""
    worst: dict[str, Pair] = {}
    for pair in confused_pairs(metrics, other=other, most=None):
        worst.setdefault(pair.gold, pair)
    rows = [
        ClassRow(label, s["support"], s["precision"], s["recall"], s["f1"], worst.get(label))
        for label, s in (metrics.get("per_label") or {}).items()
    ]
    return sorted(rows, key=lambda row: -row.support)


def confused_pairs(metrics: Mapping[str, Any], *, other: str, most: int | None = PAIRS) -> list[Pair]:
    """True labels and wrong answers, the most frequent first."""
    table = metrics.get("confusion") or {}
    labels, matrix = table.get("labels", []), table.get("matrix", [])
    nowhere = table.get("other") or [0] * len(labels)
    pairs = []
    for i, (gold, counts) in enumerate(zip(labels, matrix, strict=False)):
        rows = sum(counts) + nowhere[i]
        answers = [(labels[j], n) for j, n in enumerate(counts) if n and j != i]
        answers += [(other, nowhere[i])] if nowhere[i] else []
        pairs += [Pair(gold, answer, n, n / rows) for answer, n in answers]
    pairs.sort(key=lambda pair: (-pair.count, -pair.share, pair.gold, pair.answer))
    return pairs if most is None else pairs[:most]


def heat_map(metrics: Mapping[str, Any], *, other: str, unseen: str) -> Matrix | None:
    """The matrix with a column for `other` answers and a row for `unseen` gold labels, where there are any."""
    table = metrics.get("confusion") or {}
    labels = table.get("labels") or []
    if not labels or len(labels) > LARGEST_MATRIX:
        return None
    nowhere, unknown = table.get("other") or [], table.get("unseen") or []
    beside = any(nowhere) or bool(table.get("unseen_other"))
    columns = (*labels, *([other] if beside else []))
    rows = [
        (label, _cells([*counts, *(nowhere[i : i + 1] if beside else [])], right=i))
        for i, (label, counts) in enumerate(zip(labels, table["matrix"], strict=False))
    ]
    if any(unknown) or table.get("unseen_other"):
        rows.append((unseen, _cells([*unknown, *([table.get("unseen_other", 0)] if beside else [])], right=None)))
    return Matrix(columns, tuple(rows))


def _cells(counts: Sequence[int], *, right: int | None) -> tuple[Cell, ...]:
    total = sum(counts) or 1
    return tuple(Cell(n, n / total, i == right) for i, n in enumerate(counts))


def calibration_gap(calibration: Mapping[str, Any]) -> float | None:
    """Mean confidence minus accuracy over all rows: above 0 the model is too sure of itself."""
    bins, rows = calibration.get("bins"), calibration.get("rows")
    if not bins or not is_number(rows) or not rows:
        return None
    return float(sum(b["count"] * (b["confidence"] - b["accuracy"]) for b in bins) / rows)
