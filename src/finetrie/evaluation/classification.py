"""Scores of a classifier over a frozen label set: one dictionary, written as `metrics.json`.

What counts as what:

* Every gold row counts. An answer outside the label set, an unreadable one and a failed request are
  errors: they lower accuracy and the recall of the gold label, and are nobody's prediction.
* Macro averages run over the labels of the frozen set that occur in the gold rows or in the answers;
  0/0 within them is 0. A label that neither side names says nothing about the model and is left out
  (`macro_labels` tells how many count), so that a perfect model scores 1 on every test set. Invented
  labels never enter the average.
* A gold label outside the frozen set (a label that training never saw) cannot be answered correctly.
  Its rows count as errors and are listed in `unseen_gold`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from finetrie.evaluation.calibration import calibration
from finetrie.evaluation.intervals import (
    Floats,
    Ints,
    f1_scores,
    mean_of_known,
    number_or_none,
    percentile_interval,
    resampled_totals,
    wilson,
)
from finetrie.evaluation.ledger import classify_outcomes, ledger, out_of_set_examples
from finetrie.records import Outcome, Prediction


def evaluate_classification(
    gold: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    labels: Sequence[str],
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    decoding: str | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """All scores of one test set, ready for `metrics.json` (no NaN: undefined is None).

    `predictions[i].answer` is the label read from the headline decoding, the text itself where it names
    no label, or None where nothing could be read. Other decodings of the same row may stand, read in the
    same way, in `predictions[i].details["decodings"]` as `{"free": ..., "constrained": ..., "argmax": ...}`.

    Args:
        labels: the frozen label set, in the order of tables and matrices.
        confidence: level of both intervals.
        decoding: name of the headline decoding.
        seconds: wall-clock time of the whole prediction, for `rows_per_second`.

    Raises:
        LedgerError: predictions and gold rows do not match up.
    """
    outcomes = classify_outcomes(gold, predictions, labels=labels)
    counts = ledger(outcomes, rows=len(gold))
    answers = [p.answer if o in ANSWERED else None for p, o in zip(predictions, outcomes, strict=True)]
    table = ConfusionTable.of(gold, answers, labels=labels)
    scores = table.scores()
    strange = [(p, o) for p, o in zip(predictions, outcomes, strict=True) if o is Outcome.OUT_OF_LABEL_SET]
    majority, share = majority_accuracy(gold)
    return {
        "task": "classification",
        "n": len(gold),
        "accuracy": counts["correct"] / len(gold) if gold else None,
        "accuracy_ci": wilson(counts["correct"], len(gold), confidence=confidence),
        "macro": {name: number_or_none(mean_of_known(values)) for name, values in scores.items()},
        "macro_labels": {
            "counted": int(table.named.sum()),
            "of": len(labels),
            "absent": [label for label, named in zip(labels, table.named, strict=True) if not named],
        },
        "macro_f1_ci": table.macro_f1_interval(confidence=confidence, resamples=resamples, seed=seed),
        "confidence": confidence,
        "per_label": table.per_label(scores),
        "confusion": table.as_json(),
        "out_of_label_set": {
            "count": counts["out_of_label_set"],
            "examples": out_of_set_examples((_said(p), p.id) for p, _ in strange),
        },
        "unparsable": counts["unparsable"],
        "failed_requests": counts["failed"],
        "outcomes": counts,
        "unseen_gold": dict(Counter(truth for truth in gold if truth not in set(labels)).most_common()),
        "majority": {"label": majority, "accuracy": share},
        "calibration": calibration(gold, [p.probabilities for p in predictions]),
        "by_decoding": _by_decoding(gold, predictions, labels=labels, headline=decoding, confidence=confidence),
        "decoding": decoding,
        "seconds": seconds,
        "rows_per_second": len(gold) / seconds if seconds else None,
    }


ANSWERED = (Outcome.CORRECT, Outcome.WRONG)


def majority_accuracy(gold: Sequence[str]) -> tuple[str | None, float | None]:
    """The commonest gold label and the accuracy of always answering it: the score to beat."""
    if not gold:
        return None, None
    label, count = Counter(gold).most_common(1)[0]
    return label, count / len(gold)


@dataclass(frozen=True)
class ConfusionTable:
    """Counts of (gold label, answer), each with one extra place for what is outside the label set."""

    labels: tuple[str, ...]
    counts: Ints  # (labels + 1, labels + 1); the last row: unseen gold labels; the last column: no valid label

    @classmethod
    def of(cls, gold: Sequence[str], answers: Sequence[str | None], *, labels: Sequence[str]) -> ConfusionTable:
        place = {label: i for i, label in enumerate(labels)}
        outside = len(labels)
        counts = np.zeros((outside + 1, outside + 1), dtype=np.int64)
        rows = [place.get(truth, outside) for truth in gold]
        columns = [outside if answer is None else place.get(answer, outside) for answer in answers]
        np.add.at(counts, (rows, columns), 1)
        return cls(tuple(labels), counts)

    @property
    def hits(self) -> Ints:
        hits: Ints = np.diagonal(self.counts)[:-1]
        return hits

    @property
    def support(self) -> Ints:
        """Gold rows per label."""
        support: Ints = self.counts.sum(axis=1)[:-1]
        return support

    @property
    def predicted(self) -> Ints:
        """Answers per label."""
        predicted: Ints = self.counts.sum(axis=0)[:-1]
        return predicted

    @property
    def named(self) -> Any:
        """Which labels occur in the gold rows or in the answers."""
        return (self.support + self.predicted) > 0

    def scores(self) -> dict[str, Floats]:
        """Precision, recall and F1 per label; NaN for a label that neither side names."""
        return {
            "precision": _share(self.hits, self.predicted, self.named),
            "recall": _share(self.hits, self.support, self.named),
            "f1": f1_scores(self.hits, self.predicted, self.support),
        }

    def per_label(self, scores: Mapping[str, Floats]) -> dict[str, dict[str, Any]]:
        return {
            label: {**{name: number_or_none(v[i]) for name, v in scores.items()}, "support": int(self.support[i])}
            for i, label in enumerate(self.labels)
        }

    def macro_f1_interval(self, *, confidence: float, resamples: int, seed: int) -> list[float] | None:
        """Percentile interval of macro-F1 over resampled test sets.

        It has no width when every row is right: then Wilson's interval of the accuracy is the one to read.
        """
        rows, columns = np.nonzero(self.counts)
        kinds = confusion_kinds(rows, columns, labels=len(self.labels))
        blocks = resampled_totals(kinds, self.counts[rows, columns], resamples=resamples, seed=seed)
        values = [mean_of_known(f1_scores(*np.split(totals, 3, axis=1))) for totals in blocks]
        drawn = np.concatenate([np.empty(0), *values])
        return percentile_interval(drawn[~np.isnan(drawn)], confidence=confidence)

    def as_json(self) -> dict[str, Any]:
        """`matrix[i][j]`: rows of gold label i answered with label j, both in the label set.

        `other[i]`: rows of gold label i without a valid label (outside the set, unreadable, failed).
        `unseen[j]`: rows whose gold label is outside the set, answered with label j; `unseen_other`: with none.
        The four add up to the number of rows.
        """
        return {
            "labels": list(self.labels),
            "matrix": self.counts[:-1, :-1].tolist(),
            "other": self.counts[:-1, -1].tolist(),
            "unseen": self.counts[-1, :-1].tolist(),
            "unseen_other": int(self.counts[-1, -1]),
        }


def confusion_kinds(rows: Ints, columns: Ints, *, labels: int) -> Any:
    """(cells, 3·labels) sparse: what one row of the confusion cell (rows[i], columns[i]) adds to hits, answers, gold.

    A row of cell (g, p) adds 1 to the answers of p, to the gold rows of g, and, if g = p, to the hits; place
    `labels` stands for what is outside the label set, and adds nothing.
    """
    cells = np.arange(len(rows))
    hit, answered, seen = (rows == columns) & (rows < labels), columns < labels, rows < labels
    at = np.concatenate([cells[hit], cells[answered], cells[seen]])
    measure = np.concatenate([rows[hit], labels + columns[answered], 2 * labels + rows[seen]])
    return coo_array((np.ones(len(at)), (at, measure)), shape=(len(cells), 3 * labels)).tocsr()


def _by_decoding(
    gold: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    labels: Sequence[str],
    headline: str | None,
    confidence: float,
) -> dict[str, dict[str, Any]]:
    """The same rows under every decoding that all of them carry; rows without an answer stay without one."""
    names = [name for name in ("free", "constrained", "argmax") if any(name in _decodings(p) for p in predictions)]
    result = {}
    for name in names:
        read = [p if name == headline else _decoded(p, name) for p in predictions]
        outcomes = classify_outcomes(gold, read, labels=labels)
        answers = [p.answer if o in ANSWERED else None for p, o in zip(read, outcomes, strict=True)]
        counts = ledger(outcomes, rows=len(gold))
        result[name] = {
            "accuracy": counts["correct"] / len(gold),
            "accuracy_ci": wilson(counts["correct"], len(gold), confidence=confidence),
            "macro_f1": number_or_none(mean_of_known(ConfusionTable.of(gold, answers, labels=labels).scores()["f1"])),
            "out_of_label_set": counts["out_of_label_set"],
            "unparsable": counts["unparsable"],
        }
    return result


def _decodings(prediction: Prediction) -> Mapping[str, Any]:
    return prediction.details.get("decodings") or {}


def _decoded(prediction: Prediction, name: str) -> Prediction:
    failed = Outcome.FAILED if prediction.outcome is Outcome.FAILED else None
    return Prediction(prediction.id, prediction.completion, _decodings(prediction).get(name) or None, failed)


def _said(prediction: Prediction) -> str:
    return str(prediction.answer) if prediction.answer is not None else prediction.completion


def _share(part: Ints, whole: Ints, named: Any) -> Floats:
    """part / whole, 0/0 is 0 for labels that count and NaN for those that do not."""
    shares: Floats = np.where(named, 0.0, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
