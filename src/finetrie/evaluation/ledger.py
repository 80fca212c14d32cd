"""What became of every row: one outcome each, and counts that must close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from finetrie.errors import FinetrieError
from finetrie.records import Outcome, Prediction

SHOWN = 20
"""At most this many examples of a kind stand in `metrics.json`; all rows stand in `predictions.jsonl`."""


class LedgerError(FinetrieError):
    """Rows and outcomes do not add up: an evaluation that lost a row is not an evaluation."""


def check_pairs(gold: Sequence[object], predictions: Sequence[object]) -> None:
    """Raise LedgerError unless there is exactly one prediction per gold row."""
    if len(gold) != len(predictions):
        raise LedgerError(
            f"evaluation: {len(predictions)} predictions for {len(gold)} gold rows; expected one each",
            fix="record a row that could not be answered as a Prediction with outcome=Outcome.FAILED",
        )


def classify_outcomes(
    gold: Sequence[str], predictions: Sequence[Prediction], *, labels: Collection[str]
) -> list[Outcome]:
    """One outcome per row of a classification, in order.

    An answer inside `labels` is right or wrong. Any other answer is out of the label set, even when it
    happens to equal a gold label that training never saw; so is one that the prediction itself marks as such,
    because the row offered only some of the labels. No answer at all is `unparsable` or `failed`.
    """
    check_pairs(gold, predictions)
    known = frozenset(labels)
    return [_outcome(truth, prediction, known) for truth, prediction in zip(gold, predictions, strict=True)]


def _outcome(truth: str, prediction: Prediction, labels: frozenset[str]) -> Outcome:
    given = unanswered(prediction)
    if given is not None:
        return given
    if prediction.answer not in labels or prediction.outcome is Outcome.OUT_OF_LABEL_SET:
        return Outcome.OUT_OF_LABEL_SET
    return Outcome.CORRECT if prediction.answer == truth else Outcome.WRONG


def unanswered(prediction: Prediction) -> Outcome | None:
    """Why a prediction holds no answer, or None when it holds one."""
    if prediction.outcome is Outcome.FAILED:
        return Outcome.FAILED
    if prediction.answer is not None:
        return None
    return Outcome.OUT_OF_LABEL_SET if prediction.outcome is Outcome.OUT_OF_LABEL_SET else Outcome.UNPARSABLE


def ledger(outcomes: Iterable[Outcome], *, rows: int) -> dict[str, int]:
    """Rows per outcome, every outcome named, zeros included.

    Raises:
        LedgerError: the counts do not add up to `rows`.
    """
    found = Counter(outcomes)
    counts = {outcome.value: found[outcome] for outcome in Outcome}
    if sum(counts.values()) != rows:
        raise LedgerError(
            f"evaluation: {rows} gold rows but {sum(counts.values())} outcomes ({counts}); the counts must close"
        )
    return counts


def out_of_set_examples(answers: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """The answers that name no label, each once, most frequent first: `{"answer", "count", "id"}`.

    Args:
        answers: (what the model said, id of the row) pairs.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for answer, row in answers:
        counts[answer] += 1
        first.setdefault(answer, row)
    return [{"answer": answer, "count": n, "id": first[answer]} for answer, n in counts.most_common(SHOWN)]
