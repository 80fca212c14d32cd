"""doccano's exports: spans as `[start, end, label]` or as objects, or one label a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import mostly, values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON, Asked, Columns, Draft, Row, Shape, Unrecognised, keeps_columns
from finetrie.data.formats.fields import cell, entities_of, label_of, text_of
from finetrie.data.rows import BadRow
from finetrie.records import Example

_TARGETS = ("entities", "label", "labels")


class Doccano:
    about = (
        '{"text", "label": [[start, end, label]]} or "entities": [{label, start_offset, end_offset}]; ["label"] a text'
    )
    containers = JSON
    rank = 30
    writes = ("jsonl", "json")
    kinds = frozenset({"classification", "ner"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        text = next((name for name in ("text", "data") if mostly(values(rows, name), str)), None)
        for target in _TARGETS:
            kind = _kind(values(rows, target))
            if text is None or kind is None or asked.kind not in (None, kind):
                continue
            keeps_columns(asked, "doccano", text=text, target=target)
            return Columns(kind, text, target if asked.labelled else None)
        raise Unrecognised(
            "not in the doccano format: 'label' must be [[start, end, label], ...] or [label], or 'entities' hold "
            "{label, start_offset, end_offset}",
            fix='set data.format = "auto"',
        )

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = text_of(row, columns.text)
        if not labelled or columns.target is None:
            return Draft(text, None)
        if columns.kind == "ner":
            return Draft(text, entities_of(row, columns.target))
        held = cell(row, columns.target)
        if isinstance(held, list) and len(held) == 1:
            return Draft(text, label_of({columns.target: held[0]}, columns.target))
        if held == []:
            raise BadRow("empty_target", f"{columns.target!r} is empty", fix="label the row, or delete it")
        return Draft(text, label_of(row, columns.target))

    def sample(self) -> Sequence[Row]:
        return (
            {"id": 1, "text": "他在南京工作", "label": [[2, 4, "GPE"]]},
            {"id": 2, "text": "默契。", "label": []},
        )

    def written(self, shape: Shape) -> Columns:
        return Columns(shape.kind, "text", "label")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(("id",) if shape.ids else ()), "text", "label")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        target = example.target
        label = [[s.start, s.end, s.label] for s in target] if isinstance(target, tuple) else [target]
        yield row | {"text": example.text, "label": label}


def _kind(held: Sequence[Any]) -> str | None:
    """What a column holds in most rows, if it is filled as doccano fills it."""
    lists = [value for value in held if isinstance(value, list)]
    if len(lists) * 2 <= len(held):
        return None
    if any(_is_span(item) for value in lists for item in value):
        return "ner"
    single = sum(len(value) == 1 and isinstance(value[0], str) for value in lists)
    return "classification" if single * 2 > len(lists) else None


def _is_span(item: Any) -> bool:
    if isinstance(item, dict):
        return {"label", "start_offset", "end_offset"} <= item.keys()
    return isinstance(item, list) and len(item) == 3 and isinstance(item[0], int) and isinstance(item[2], str)


FORMATS.register("doccano")(Doccano())
