"""The CCF BDCI form of named-entity data: offsets, words and label of each entity; half-open offsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import (
    JSON,
    Asked,
    Columns,
    Draft,
    Row,
    Shape,
    Unrecognised,
    keeps_columns,
    only_kind,
)
from finetrie.data.formats.fields import entities_of, text_of
from finetrie.records import Example


class Ccf:
    about = '{"text", "entities": [{"start_idx", "end_idx", "entity_text", "entity_label"}]}, ends exclusive'
    containers = JSON
    rank = 10
    writes = ("jsonl", "json")
    kinds = frozenset({"ner"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        keeps_columns(asked, "ccf", text="text", target="entities")
        entities = [e for held in values(rows, "entities") if isinstance(held, list) for e in held]
        if not any(isinstance(e, dict) and {"start_idx", "entity_label"} <= e.keys() for e in entities):
            raise Unrecognised(
                "not in the ccf format: 'entities' must hold {start_idx, end_idx, entity_text, entity_label}",
                fix='set data.format = "auto"',
            )
        only_kind(asked, "ner", "ccf")
        return Columns("ner", "text", "entities")

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        return Draft(text_of(row, "text"), entities_of(row, "entities") if labelled else None)

    def sample(self) -> Sequence[Row]:
        entity = {"start_idx": 2, "end_idx": 4, "entity_text": "南京", "entity_label": "GPE", "entity_names": ["地名"]}
        return ({"text": "他在南京工作", "entities": [entity]}, {"text": "默契。", "entities": []})

    def written(self, shape: Shape) -> Columns:
        return Columns("ner", "text", "entities")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(("id",) if shape.ids else ()), "text", "entities")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        spans: Any = example.target
        entities = [
            {
                "start_idx": span.start,
                "end_idx": span.end,
                "entity_text": example.text[span.start : span.end],
                "entity_label": span.label,
            }
            for span in spans
        ]
        yield row | {"text": example.text, "entities": entities}


FORMATS.register("ccf")(Ccf())
