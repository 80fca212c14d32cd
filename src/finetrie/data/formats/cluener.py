"""The CLUENER form: label → words → places, with ends that point at the last character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import mostly, values
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
from finetrie.data.formats.fields import cell, grouped_entities, text_of
from finetrie.records import Example


class Cluener:
    about = '{"text", "label": {name: {words: [[start, end]]}}}, ends inclusive'
    containers = JSON
    rank = 10
    writes = ("jsonl", "json")
    kinds = frozenset({"ner"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        keeps_columns(asked, "cluener", text="text", target="label")
        held = values(rows, "label")
        if not mostly(held, dict):
            raise Unrecognised(
                "not in the cluener format: 'label' must be {name: {words: [[start, end]]}}",
                fix='set data.format = "auto"',
            )
        only_kind(asked, "ner", "cluener")
        return Columns("ner", "text", "label")

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = text_of(row, "text")
        return Draft(text, grouped_entities(cell(row, "label"), "label", inclusive=True) if labelled else None)

    def sample(self) -> Sequence[Row]:
        return ({"text": "生生不息的叶老桂", "label": {"name": {"叶老桂": [[5, 7]]}}}, {"text": "默契。", "label": {}})

    def written(self, shape: Shape) -> Columns:
        return Columns("ner", "text", "label")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(("id",) if shape.ids else ()), "text", "label")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        label: dict[str, dict[str, list[list[int]]]] = {}
        spans: Any = example.target
        for span in spans:
            surface = example.text[span.start : span.end]
            label.setdefault(span.label, {}).setdefault(surface, []).append([span.start, span.end - 1])
        yield row | {"text": example.text, "label": label}


FORMATS.register("cluener")(Cluener())
