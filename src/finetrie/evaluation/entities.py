"""Scores of entity recognition: exact spans, kinds of error, and an interval over documents.

An entity is right when start, end and label are right. Entities of a document are a *set*: the same span
given twice counts once, nested and overlapping spans each count. What a model names but the text does
not hold (`hallucinated`) is a wrong prediction like any other, as is an entity with a label outside the
label set; both lower precision. A row without a readable answer has no predicted entities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetrie.evaluation.entity_errors import KINDS, pair_errors
from finetrie.evaluation.intervals import (
    Ints,
    distinct_rows,
    f1_scores,
    mean_of_known,
    percentile_interval,
    resampled_totals,
)
from finetrie.evaluation.ledger import check_pairs, ledger, out_of_set_examples, unanswered
from finetrie.records import Mention, Outcome, Prediction, Span


@dataclass(frozen=True)
class Document:
    """One row, read: what is there, what was found, and what was found that is not there."""

    id: str
    gold: frozenset[Span]
    found: frozenset[Span]
    hallucinated: tuple[Mention, ...]
    silence: Outcome | None  # why there is no answer; None: there is one

    @property
    def named(self) -> list[Span | Mention]:
        """Everything the model named, in reading order; what the text does not hold comes last."""
        return [*sorted(self.found), *self.hallucinated]

    def outcome(self, labels: frozenset[str]) -> Outcome:
        """Right only as a whole: exactly the gold entities, and nothing that the text does not hold."""
        if self.silence is not None:
            return self.silence
        if any(item.label not in labels for item in self.named):
            return Outcome.OUT_OF_LABEL_SET
        return Outcome.CORRECT if self.found == self.gold and not self.hallucinated else Outcome.WRONG


def evaluate_entities(
    gold: Sequence[Sequence[Span]],
    predicted: Sequence[Prediction],
    *,
    labels: Sequence[str],
    texts: Sequence[str] | None = None,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    decoding: str | None = "free",
    seconds: float | None = None,
) -> dict[str, Any]:
    """All scores of one test set, ready for `metrics.json` (no NaN: undefined is None).

    `predicted[i].answer` is a sequence of Spans, or None where the answer could not be read. Its `details`
    may hold `"hallucinated"`, the mentions that do not occur in the text, and `"alignment"`, how many
    mentions were placed by each tier: `{tier: count}`.

    Args:
        labels: the frozen label set, in the order of the table.
        texts: the documents; only used to show the words of entities outside the label set.

    Raises:
        LedgerError: predictions and gold rows do not match up.
    """
    check_pairs(gold, predicted)
    known = frozenset(labels)
    documents = [_document(truth, prediction) for truth, prediction in zip(gold, predicted, strict=True)]
    outcomes = ledger((document.outcome(known) for document in documents), rows=len(gold))
    tally = _Tally.of(documents, labels)
    intervals = tally.intervals(confidence=confidence, resamples=resamples, seed=seed)
    errors: Counter[str] = Counter()
    for document in documents:
        errors.update(pair_errors(document.gold, document.found).counts)
    errors["hallucinated"] = sum(len(document.hallucinated) for document in documents)
    return {
        "task": "ner",
        "n": len(gold),
        "gold_entities": tally.total[2],
        "predicted_entities": tally.total[1],
        "correct_entities": tally.total[0],
        "micro": _prf(*tally.total),
        "micro_f1_ci": intervals[0],
        "macro": tally.macro(),
        "macro_f1_ci": intervals[1],
        "confidence": confidence,
        "per_label": {
            label: {**_prf(*counts), "support": counts[2], "predicted": counts[1]}
            for label, counts in tally.by_label.items()
        },
        "errors": {kind: errors[kind] for kind in KINDS},
        "unparsable": outcomes["unparsable"],
        "failed_requests": outcomes["failed"],
        "out_of_label_set": _out_of_set(documents, known, texts, rows=outcomes["out_of_label_set"]),
        "alignment": dict(sum((_alignment(prediction) for prediction in predicted), Counter())),
        "outcomes": outcomes,
        "exact_rows": outcomes["correct"] / len(gold) if gold else None,
        "unseen_gold": dict(Counter(s.label for d in documents for s in d.gold if s.label not in known).most_common()),
        "decoding": decoding,
        "seconds": seconds,
        "rows_per_second": len(gold) / seconds if seconds else None,
    }


def entity_outcomes(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Prediction], *, labels: Collection[str]
) -> list[Outcome]:
    """One outcome per document, in order; right only as a whole (see `Document.outcome`)."""
    check_pairs(gold, predicted)
    known = frozenset(labels)
    return [_document(truth, prediction).outcome(known) for truth, prediction in zip(gold, predicted, strict=True)]


def entity_counts(gold: Sequence[Sequence[Span]], predicted: Sequence[Prediction], *, labels: Sequence[str]) -> Ints:
    """(documents, 3 + 3·labels): entities that are right, predicted and gold, over all labels and then per label."""
    check_pairs(gold, predicted)
    documents = [_document(truth, prediction) for truth, prediction in zip(gold, predicted, strict=True)]
    table: Ints = _Tally.of(documents, labels).documents
    return table


def _document(truth: Sequence[Span], prediction: Prediction) -> Document:
    silence = unanswered(prediction)
    answer = () if silence is not None else prediction.answer
    missing = () if silence is not None else prediction.details.get("hallucinated") or ()
    return Document(prediction.id, frozenset(truth), frozenset(answer), tuple(_mention(m) for m in missing), silence)


def _mention(item: Mention | Mapping[str, str] | Sequence[str]) -> Mention:
    """A mention as a record, as `{"surface", "label"}`, or as a (surface, label) pair."""
    if isinstance(item, Mention):
        return item
    if isinstance(item, Mapping):
        return Mention(item["surface"], item["label"])
    return Mention(*item)


Counts = tuple[int, int, int]  # right, predicted, gold


@dataclass(frozen=True)
class _Tally:
    """Entities that are right, predicted and gold: over all, per label, and per document."""

    total: Counts
    by_label: dict[str, Counts]
    documents: Any  # (documents, 3 + 3·labels) the same counts per document

    @classmethod
    def of(cls, documents: Sequence[Document], labels: Sequence[str]) -> _Tally:
        """Entities with other labels count in the total and in no label."""
        column = {label: 3 + 3 * i for i, label in enumerate(labels)}
        table = np.zeros((len(documents), 3 + 3 * len(labels)), dtype=np.int64)
        for row, document in zip(table, documents, strict=True):
            parts: list[Collection[Span | Mention]] = [document.gold & document.found, document.named, document.gold]
            for part, items in enumerate(parts):
                row[part] = len(items)
                for label, count in Counter(item.label for item in items).items():
                    if label in column:
                        row[column[label] + part] = count
        right, predicted, true = table.sum(axis=0).reshape(-1, 3).T.tolist()
        sums: list[Counts] = list(zip(right, predicted, true, strict=True))
        return cls(sums[0], dict(zip(labels, sums[1:], strict=True)), table)

    def macro(self) -> dict[str, float | None]:
        """Mean over the labels that occur among gold or predicted entities."""
        rows = [_prf(*counts) for counts in self.by_label.values() if counts[1] or counts[2]]
        return {
            name: float(np.mean([row[name] for row in rows])) if rows else None
            for name in ("precision", "recall", "f1")
        }

    def intervals(self, *, confidence: float, resamples: int, seed: int) -> list[list[float] | None]:
        """Percentile intervals of micro-F1 and macro-F1; whole documents are drawn, for entities of one are alike."""
        kinds, counts = distinct_rows(self.documents)
        micro, macro = [np.empty(0)], [np.empty(0)]
        for totals in resampled_totals(kinds, counts, resamples=resamples, seed=seed):
            f1 = f1_scores(totals[:, 0::3], totals[:, 1::3], totals[:, 2::3])
            micro.append(f1[:, 0])
            macro.append(mean_of_known(f1[:, 1:]))
        drawn = [np.concatenate(values) for values in (micro, macro)]
        return [percentile_interval(values[~np.isnan(values)], confidence=confidence) for values in drawn]


def _prf(right: int, predicted: int, gold: int) -> dict[str, float | None]:
    """Precision, recall and F1; 0/0 is 0, and all three are None where nothing is gold or predicted."""
    if not predicted and not gold:
        return {"precision": None, "recall": None, "f1": None}
    return {
        "precision": right / predicted if predicted else 0.0,
        "recall": right / gold if gold else 0.0,
        "f1": 2 * right / (predicted + gold),
    }


def _out_of_set(
    documents: Sequence[Document], labels: frozenset[str], texts: Sequence[str] | None, *, rows: int
) -> dict[str, Any]:
    """Entities with an unknown label, and the rows that hold one."""
    found = []
    for i, document in enumerate(documents):
        for item in document.named:
            if item.label not in labels:
                words = item.surface if isinstance(item, Mention) else texts[i][item.start : item.end] if texts else ""
                found.append((f"{item.label}: {words}" if words else item.label, document.id))
    return {"count": len(found), "rows": rows, "examples": out_of_set_examples(found)}


def _alignment(prediction: Prediction) -> Counter[str]:
    return Counter(prediction.details.get("alignment") or {})
