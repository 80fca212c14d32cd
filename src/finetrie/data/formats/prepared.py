"""The rows of a run directory, as `finetrie prepare` writes them: every part of an example under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finetrie.data.columns import holds_entities
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import (
    JSON,
    Asked,
    Columns,
    Row,
    Shape,
    Unrecognised,
    keeps_columns,
    more_than_half,
    only_kind,
)
from finetrie.data.formats.named import Named
from finetrie.data.formats.reasoning import COLUMN
from finetrie.records import Example

ALWAYS = frozenset({"id", "text", "target", "origin"})
SOMETIMES = ("instruction", "history", COLUMN)


@dataclass(frozen=True)
class Prepared(Named):
    """Named columns without guessing: what a single row has of its own is read as well."""

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        if not more_than_half([row.keys() >= ALWAYS for row in rows]):
            raise Unrecognised(
                f"the rows of a run directory have the columns {', '.join(sorted(ALWAYS))}",
                fix='set data.format = "auto"',
            )
        keeps_columns(asked, "prepared", text="text", target="target")
        kind = "ner" if holds_entities(rows, "target") else asked.kind
        if kind is None:
            kind = super().columns(rows, Asked(text="text", target="target")).kind
        only_kind(asked, kind, "these")
        options = "options" if any("options" in row for row in rows) else None
        return Columns(kind, "text", "target" if asked.labelled else None, options, SOMETIMES)

    def written(self, shape: Shape) -> Columns:
        return Columns(shape.kind, "text", "target", "options" if shape.options else None, SOMETIMES)

    def header(self, shape: Shape) -> tuple[str, ...]:
        return ("id", "text", "target", "origin", *(("options",) if shape.options else ()), *SOMETIMES)

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        for row in super().rows(example, shape):
            target = row["entities" if shape.kind == "ner" else "output" if shape.kind == "instruction" else "label"]
            kept = {name: row[name] for name in ("options", *SOMETIMES) if name in row}
            yield {"id": example.id, "text": example.text, "target": target, "origin": example.origin, **kept}


FORMATS.register("prepared")(
    Prepared(
        about='rows of a run directory: {"id", "text", "target", "origin"}, and what a row has of its own',
        containers=JSON,
        writes=("jsonl", "json"),
        rank=40,
        sample_rows=(
            {"id": "1", "text": "今日股市上涨", "target": "财经", "origin": "news.jsonl:1"},
            {"id": "2", "text": "球队夺冠", "target": "体育", "origin": "news.jsonl:2"},
        ),
    )
)
