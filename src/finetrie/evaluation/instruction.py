"""Scores of free answers: exact match, and two overlaps on characters, which need no word segmentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import LCSseq

from finetrie.evaluation.intervals import distinct_rows, percentile_interval, resampled_totals, wilson
from finetrie.evaluation.ledger import check_pairs, ledger, unanswered
from finetrie.records import Outcome, Prediction

EXACTNESS = 10_000
"""Row scores are kept to 1/EXACTNESS, so that equal rows can be drawn together when resampling."""


def evaluate_instruction(
    gold: Sequence[str],
    predictions: Sequence[Prediction],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    decoding: str | None = "free",
    seconds: float | None = None,
) -> dict[str, Any]:
    """All scores of one test set, ready for `metrics.json`.

    `exact_match`: share of answers equal to the gold text, white space around it aside. `char_f1`: overlap
    of the two bags of characters. `rouge_l`: F1 of the longest common subsequence of characters (Lin, 2004).
    White space is not a character here. A row without an answer scores 0. An answer that is not exact is
    `wrong` in the ledger: it says what can be checked without judging, not that the answer is bad.
    """
    counts = ledger(instruction_outcomes(gold, predictions), rows=len(gold))
    scores: dict[str, Any] = {}
    for name in ("char_f1", "rouge_l"):
        values = row_scores(name, gold, predictions)
        scores[name] = float(np.mean(values)) if values else None
        scores[f"{name}_ci"] = _mean_interval(values, confidence=confidence, resamples=resamples, seed=seed)
    return {
        "task": "instruction",
        "n": len(gold),
        "exact_match": counts["correct"] / len(gold) if gold else None,
        "exact_match_ci": wilson(counts["correct"], len(gold), confidence=confidence),
        **scores,
        "confidence": confidence,
        "unparsable": counts["unparsable"],
        "failed_requests": counts["failed"],
        "outcomes": counts,
        "decoding": decoding,
        "seconds": seconds,
        "rows_per_second": len(gold) / seconds if seconds else None,
    }


def instruction_outcomes(gold: Sequence[str], predictions: Sequence[Prediction]) -> list[Outcome]:
    """One outcome per row, in order."""
    check_pairs(gold, predictions)
    return [_outcome(truth, prediction) for truth, prediction in zip(gold, predictions, strict=True)]


def row_scores(name: str, gold: Sequence[str], predictions: Sequence[Prediction]) -> list[float]:
    """ "char_f1" or "rouge_l" of each row, in [0, 1]; a row without an answer says nothing."""
    score = {"char_f1": char_f1, "rouge_l": rouge_l}[name]
    answers = ["" if unanswered(p) is not None else str(p.answer) for p in predictions]
    return [score(truth, answer) for truth, answer in zip(gold, answers, strict=True)]


def char_f1(gold: str, answer: str) -> float:
    """F1 of two bags of characters; two empty texts agree."""
    truth, said = Counter("".join(gold.split())), Counter("".join(answer.split()))
    total = truth.total() + said.total()
    return 2 * (truth & said).total() / total if total else 1.0


def rouge_l(gold: str, answer: str) -> float:
    """F1 of the longest common subsequence of characters; two empty texts agree."""
    truth, said = "".join(gold.split()), "".join(answer.split())
    total = len(truth) + len(said)
    return 2 * LCSseq.similarity(truth, said) / total if total else 1.0


def _outcome(truth: str, prediction: Prediction) -> Outcome:
    silence = unanswered(prediction)
    if silence is not None:
        return silence
    return Outcome.CORRECT if str(prediction.answer).strip() == truth.strip() else Outcome.WRONG


def _mean_interval(values: Sequence[float], *, confidence: float, resamples: int, seed: int) -> list[float] | None:
    rounded = np.rint(np.array(values, dtype=np.float64) * EXACTNESS).astype(np.int64)
    kinds, counts = distinct_rows(rounded[:, None])
    blocks = resampled_totals(kinds, counts, resamples=resamples, seed=seed)
    totals = np.concatenate([np.empty(0), *(block[:, 0] for block in blocks)])
    return percentile_interval(totals / (EXACTNESS * max(1, len(values))), confidence=confidence)
