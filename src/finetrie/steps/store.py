"""Examples and predictions as lines of JSON: what lies in a run directory, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from finetrie.files import read_jsonl, write_jsonl
from finetrie.records import Example, Outcome, Prediction, Span, Target


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    return write_jsonl(path, map(example_row, examples))


def read_examples(path: Path) -> Iterator[Example]:
    """The examples that `write_examples` wrote, equal to the originals."""
    for row in read_jsonl(path):
        yield Example(
            id=row["id"],
            text=row["text"],
            target=_target(row["target"]),
            origin=row["origin"],
            options=None if row.get("options") is None else tuple(row["options"]),
            instruction=row.get("instruction"),
            history=tuple(row.get("history", ())),
            reasoning=row.get("reasoning"),
        )


def example_row(example: Example) -> dict[str, Any]:
    """One example as a JSON object; what is absent is left out."""
    row: dict[str, Any] = {
        "id": example.id,
        "text": example.text,
        "target": target_row(example.target, example.text),
        "origin": example.origin,
    }
    if example.options is not None:
        row["options"] = list(example.options)
    if example.instruction is not None:
        row["instruction"] = example.instruction
    if example.history:
        row["history"] = list(example.history)
    if example.reasoning is not None:
        row["reasoning"] = example.reasoning
    return row


def target_row(target: Target | None, text: str) -> Any:
    """A label as it is; spans as objects that also show their words."""
    if target is None or isinstance(target, str):
        return target
    return [{"start": s.start, "end": s.end, "label": s.label, "text": text[s.start : s.end]} for s in target]


def _target(value: Any) -> Target | None:
    if value is None or isinstance(value, str):
        return value
    return tuple(Span(item["start"], item["end"], item["label"]) for item in value)


def prediction_row(prediction: Prediction, text: str) -> dict[str, Any]:
    """One line of `predictions.jsonl`."""
    details = {key: value for key, value in prediction.details.items() if key != "decodings"}
    row: dict[str, Any] = {
        "id": prediction.id,
        "gold": target_row(prediction.gold, text),
        "prediction": target_row(prediction.answer, text),
        "outcome": prediction.outcome,
        "completion": prediction.completion,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "seconds": prediction.seconds,
        "text": text,
    }
    if "decodings" in prediction.details:
        row["decodings"] = prediction.details["decodings"]
    if details:
        row["details"] = details
    return row


def prediction_from(row: Mapping[str, Any]) -> Prediction:
    """The prediction that `prediction_row` wrote down."""
    details = dict(row.get("details", {}))
    if "decodings" in row:
        details["decodings"] = row["decodings"]
    return Prediction(
        id=row["id"],
        completion=row["completion"],
        answer=_target(row["prediction"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        gold=_target(row["gold"]),
        probability=row["probability"],
        probabilities=row["probabilities"],
        seconds=row["seconds"],
        details=details,
    )
