"""Label Studio's JSON export: a task with its annotations, each a list of results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import TEXT_NAMES, find, mostly, values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import (
    JSON,
    Asked,
    Columns,
    Draft,
    Marked,
    Row,
    Shape,
    Unrecognised,
    keeps_columns,
    only_kind,
)
from finetrie.data.formats.fields import cell, label_of, marked, text_of
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow
from finetrie.records import Example

_ANNOTATIONS = ("annotations", "completions")


class LabelStudio:
    """Spans from results of the type `labels`, a class from `choices`; other results (relations, ratings) are not read.

    Of several annotations of a task, the one marked as ground truth counts, or all if they agree.
    """

    about = '{"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value": {start, end, text, labels}}]}]}'
    containers = JSON
    rank = 10
    writes = ("json", "jsonl")
    kinds = frozenset({"classification", "ner"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        target = next((name for name in _ANNOTATIONS if mostly(values(rows, name), list)), None)
        if not mostly(values(rows, "data"), dict) or (asked.labelled and target is None):
            raise Unrecognised(
                "not in the label_studio format: 'data' must hold the text, 'annotations' the results",
                fix='set data.format = "auto", or export as JSON from Label Studio',
            )
        keeps_columns(asked, "label_studio", text="data", target=target or "annotations")
        types = {result.get("type") for row in rows for result in _results(row.get(target or ""))}
        kind = "ner" if "labels" in types else "classification" if "choices" in types else asked.kind or "ner"
        only_kind(asked, kind, "label_studio")
        return Columns(kind, "data", target if asked.labelled else None)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = _text(row)
        if not labelled or columns.target is None:
            return Draft(text, None)
        answers = [_answer(annotation, columns.kind) for annotation in _valid(cell(row, columns.target))]
        if not answers:
            raise BadRow(
                "unlabelled", "no annotation that was submitted", fix="annotate the task, or leave it out of the export"
            )
        if any(answer != answers[0] for answer in answers):
            raise BadRow(
                "annotators_differ",
                f"{len(answers)} annotations that do not agree",
                fix="mark one of them as the ground truth in Label Studio, or delete the others",
            )
        return Draft(text, answers[0])

    def sample(self) -> Sequence[Row]:
        value = {"start": 2, "end": 4, "text": "南京", "labels": ["GPE"]}
        result = {"from_name": "label", "to_name": "text", "type": "labels", "value": value}
        return (
            {"id": 1, "data": {"text": "他在南京工作"}, "annotations": [{"result": [result], "was_cancelled": False}]},
            {"id": 2, "data": {"text": "默契。"}, "annotations": [{"result": []}]},
        )

    def written(self, shape: Shape) -> Columns:
        return Columns(shape.kind, "data", "annotations")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(("id",) if shape.ids else ()), "data", "annotations")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        target = example.target
        held: list[tuple[str, dict[str, Any]]]
        if isinstance(target, tuple):
            held = [
                ("labels", {"start": s.start, "end": s.end, "text": example.text[s.start : s.end], "labels": [s.label]})
                for s in target
            ]
        else:
            held = [("choices", {"choices": [target]})]
        results = [{"from_name": "label", "to_name": "text", "type": kind, "value": value} for kind, value in held]
        yield row | {"data": {"text": example.text}, "annotations": [{"result": results}]}


def _text(row: Row) -> str:
    data = cell(row, "data")
    if not isinstance(data, dict):
        raise BadRow("wrong_type", f"'data' must be an object with the text, got {kind_of(data)}", fix="export again")
    texts = [name for name, value in data.items() if isinstance(value, str)]
    name = find(texts, TEXT_NAMES) or (texts[0] if len(texts) == 1 else "text")
    return text_of(data, name)


def _valid(annotations: Any) -> list[dict[str, Any]]:
    """The annotations that count: submitted ones, and of these only the ground truth where one is marked."""
    if not isinstance(annotations, list):
        raise BadRow("wrong_type", f"annotations must be a list, got {kind_of(annotations)}", fix="export again")
    kept = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]
    return [a for a in kept if a.get("ground_truth")] or kept


def _results(annotations: Any) -> Iterator[dict[str, Any]]:
    for annotation in annotations if isinstance(annotations, list) else ():
        results = annotation.get("result") if isinstance(annotation, dict) else None
        yield from (r for r in results or () if isinstance(r, dict)) if isinstance(results, list) else ()


def _answer(annotation: dict[str, Any], kind: str) -> str | tuple[Marked, ...]:
    held = [
        (result.get("type"), value)
        for result in _results([annotation])
        if isinstance(value := result.get("value"), dict)
    ]
    if kind == "ner":
        found = [
            marked(value.get("start"), value.get("end"), label, value.get("text"))
            for type, value in held
            if type == "labels"
            for label in _names(value.get("labels"))
        ]
        return tuple(sorted(found, key=lambda entity: (entity.start, entity.end, entity.label)))
    choices = [value.get("choices") for type, value in held if type == "choices"]
    if not choices:
        raise BadRow("empty_target", "the annotation chooses nothing", fix="annotate the task, or delete it")
    chosen = _names(choices[0])
    if len(choices) > 1 or len(chosen) != 1:
        listed = ", ".join(repr(name) for held in choices for name in _names(held))
        raise BadRow("wrong_type", f"one label was expected, the annotation chose {listed}", fix="choose one label")
    return label_of({"choices": chosen[0]}, "choices")


def _names(held: Any) -> list[Any]:
    return held if isinstance(held, list) and held else [held]


FORMATS.register("label_studio")(LabelStudio())
