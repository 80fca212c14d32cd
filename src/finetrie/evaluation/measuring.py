"""Whatever the task is: the scores of a set of rows, the one that counts, and what became of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from finetrie.evaluation.classification import evaluate_classification
from finetrie.evaluation.entities import entity_outcomes, evaluate_entities
from finetrie.evaluation.instruction import evaluate_instruction, instruction_outcomes
from finetrie.evaluation.ledger import classify_outcomes
from finetrie.records import Example, Prediction
from finetrie.tasks.base import Task


def measure(
    task: Task[Any],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    decoding: str | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """The scores of labelled examples, as `metrics.json` holds them."""
    settings: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seconds": seconds}
    gold: list[Any] = [example.target for example in examples]
    if task.name == "classification":
        return evaluate_classification(gold, predictions, labels=task.labels, decoding=decoding, **settings)
    if task.name == "ner":
        texts = [example.text for example in examples]
        return evaluate_entities(gold, predictions, labels=task.labels, texts=texts, **settings)
    return evaluate_instruction(gold, predictions, **settings)


def headline(metrics: dict[str, Any]) -> tuple[str, float]:
    """Name and value of the score that chooses checkpoints; higher is better."""
    if metrics["task"] == "classification":
        return "macro_f1", metrics["macro"]["f1"] or 0.0
    if metrics["task"] == "ner":
        return "entity_f1", metrics["micro"]["f1"] or 0.0
    return "char_f1", metrics["char_f1"] or 0.0


def judged(task: Task[Any], examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[Prediction]:
    """The predictions with their gold targets and what became of each row."""
    gold: list[Any] = [example.target for example in examples]
    if task.name == "classification":
        outcomes = classify_outcomes(gold, predictions, labels=task.labels)
    elif task.name == "ner":
        outcomes = entity_outcomes(gold, predictions, labels=task.labels)
    else:
        outcomes = instruction_outcomes(gold, predictions)
    return [
        replace(prediction, gold=truth, outcome=outcome)
        for prediction, truth, outcome in zip(predictions, gold, outcomes, strict=True)
    ]
