"""What every row adds to a score, so that rows can be drawn, swapped and matched without a loop over them.

A score is a function of totals: accuracy of right rows, F1 of hits, answers and gold items. Two rows that add
the same are interchangeable, so a result is held as the kind of each row and what a row of each kind adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from finetrie.evaluation.classification import ANSWERED, confusion_kinds
from finetrie.evaluation.entities import entity_counts
from finetrie.evaluation.instruction import EXACTNESS, row_scores
from finetrie.evaluation.intervals import (
    Floats,
    Ints,
    f1_scores,
    mean_of_known,
    percentile_interval,
    resampled_totals,
    wilson,
)
from finetrie.records import Outcome, Prediction

METRICS: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "ner": ("entity_f1", "macro_f1", "exact_rows"),
    "instruction": ("exact_match", "char_f1", "rouge_l"),
}
"""The scores of each task that two results can be compared by; the first one is the first to look at."""


@dataclass(frozen=True)
class RowCounts:
    """One score of one result: `value` is `score(totals)`, and a resampled score is that of other totals."""

    metric: str
    kinds: Ints  # (rows,) which kind each row is of
    table: Any  # (kinds, measures) scipy sparse: what a row of each kind adds to each measure
    score: Callable[[Floats], Floats]  # totals (..., measures) -> scores (...); NaN where undefined
    share: bool = False  # each row is right or wrong, and the score is the share of right rows

    @property
    def rows(self) -> int:
        return len(self.kinds)

    @property
    def totals(self) -> Floats:
        """(measures,) over all rows."""
        counts = np.bincount(self.kinds, minlength=self.table.shape[0])
        return np.asarray(counts @ self.table, dtype=np.float64)

    @property
    def value(self) -> float:
        """The score over all rows; NaN where it is undefined."""
        return float(self.score(self.totals))

    def interval(self, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0) -> list[float] | None:
        """Of the score over such test sets: Wilson's for a share, else the bootstrap over rows."""
        if self.share:
            return wilson(int(self.right.sum()), self.rows, confidence=confidence)
        counts = np.bincount(self.kinds, minlength=self.table.shape[0]).astype(np.int64)
        blocks = resampled_totals(self.table, counts, resamples=resamples, seed=seed)
        drawn = np.concatenate([np.empty(0), *(self.score(totals) for totals in blocks)])
        return percentile_interval(drawn[~np.isnan(drawn)], confidence=confidence)

    @property
    def right(self) -> Any:
        """(rows,) whether each row is right; only of a share."""
        return self.table.toarray()[self.kinds, 0] > 0


def row_counts(
    task: str, metric: str, gold: Sequence[Any], predictions: Sequence[Prediction], *, labels: Sequence[str]
) -> RowCounts:
    """A result by one of the metrics in `METRICS[task]`.

    Args:
        task: "classification", "ner" or "instruction".
        predictions: judged ones: each has its outcome.
        labels: the frozen label set; the same for all results that will be compared.
    """
    if metric in ("accuracy", "exact_match", "exact_rows"):
        return share_counts(metric, [prediction.outcome is Outcome.CORRECT for prediction in predictions])
    if task == "classification":
        answers = [p.answer if p.outcome in ANSWERED else None for p in predictions]
        return macro_f1_counts(gold, answers, labels=labels)
    if task == "ner":
        return entity_f1_counts(metric, entity_counts(gold, predictions, labels=labels))
    return mean_counts(metric, row_scores(metric, gold, predictions))


def share_counts(metric: str, right: Sequence[bool]) -> RowCounts:
    """The share of rows that are right."""
    return RowCounts(metric, np.asarray(right, dtype=np.int64), csr_array([[0, 1], [1, 1]]), _ratio, share=True)


def macro_f1_counts(gold: Sequence[str], answers: Sequence[str | None], *, labels: Sequence[str]) -> RowCounts:
    """Macro-F1 over the labels of the set that occur in the gold rows or the answers.

    `answers[i]` is None where row i has no valid label.
    """
    place, n = {label: i for i, label in enumerate(labels)}, len(labels)
    truth = np.array([place.get(label, n) for label in gold], dtype=np.int64)
    said = np.array([n if label is None else place.get(label, n) for label in answers], dtype=np.int64)
    cells, kinds = np.unique(truth * (n + 1) + said, return_inverse=True)
    rows, columns = np.divmod(cells, n + 1)
    return RowCounts("macro_f1", kinds.astype(np.int64), confusion_kinds(rows, columns, labels=n), _macro_f1)


def entity_f1_counts(metric: str, documents: Ints) -> RowCounts:
    """Micro-F1 ("entity_f1") or macro-F1 over labels of a (documents, 3 + 3·labels) table of `entity_counts`."""
    measures = documents[:, :3] if metric == "entity_f1" else documents[:, 3:]
    table, kinds = np.unique(measures, axis=0, return_inverse=True)
    return RowCounts(metric, kinds.reshape(-1).astype(np.int64), csr_array(table), _entity_f1)


def mean_counts(metric: str, values: Sequence[float]) -> RowCounts:
    """The mean of a value per row, kept to 1/EXACTNESS."""
    exact = np.rint(np.asarray(values, dtype=np.float64) * EXACTNESS).astype(np.int64)
    known, kinds = np.unique(exact, return_inverse=True)
    table = np.stack([known / EXACTNESS, np.ones(len(known))], axis=1)
    return RowCounts(metric, kinds.astype(np.int64), csr_array(table), _ratio)


def _ratio(totals: Floats) -> Floats:
    shares: Floats = np.full(totals.shape[:-1], np.nan)
    np.divide(totals[..., 0], totals[..., 1], out=shares, where=totals[..., 1] > 0)
    return shares


def _macro_f1(totals: Floats) -> Floats:
    return mean_of_known(f1_scores(*np.split(totals, 3, axis=-1)))


def _entity_f1(totals: Floats) -> Floats:
    return mean_of_known(f1_scores(totals[..., 0::3], totals[..., 1::3], totals[..., 2::3]))
