"""The Fudan news form: each row lists its own candidate labels, the true one among them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON, TABLES, Asked, Columns, Draft, Row, Shape, Unrecognised, keeps_columns
from finetrie.data.formats.fields import label_of, one_of_options, options_of, text_of
from finetrie.data.rows import BadRow
from finetrie.records import Example


class Fudan:
    about = '{"text", "category": "A, B, C" (the row\'s candidate labels), "output": the true one}'
    containers = JSON | TABLES
    rank = 10
    writes = ("jsonl", "json", "csv", "tsv", "xlsx", "parquet")
    kinds = frozenset({"classification"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        keeps_columns(asked, "fudan", text="text", target="output")
        if asked.options not in (None, "category") or asked.kind not in (None, "classification"):
            raise Unrecognised("the fudan format is classification with the candidates in 'category'")
        listing = [row for row in rows if _lists_candidates(row, labelled=asked.labelled)]
        if len(listing) * 2 <= len(rows):
            raise Unrecognised(
                "not in the fudan format: 'category' must list the candidate labels, 'output' be one of them",
                fix='set data.format = "auto"',
            )
        target = "output" if asked.labelled or values(rows, "output") else None
        return Columns("classification", "text", target, "category")

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text, options = text_of(row, "text"), options_of(row, "category")
        return Draft(text, one_of_options(label_of(row, "output"), options, "category") if labelled else None, options)

    def sample(self) -> Sequence[Row]:
        return ({"text": "球队夺冠", "category": "Sports, Economy", "output": "Sports"},)

    def written(self, shape: Shape) -> Columns:
        return Columns("classification", "text", "output", "category")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(("id",) if shape.ids else ()), "text", "category", "output")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        options = example.options if example.options is not None else shape.labels
        if len(set(options)) < 2:
            raise BadRow(
                "unwritable",
                f"the fudan format lists candidates, and {', '.join(options)} is the only one",
                fix="convert to jsonl or csv instead",
            )
        yield row | {"text": example.text, "category": _listed(options), "output": example.target}


def _listed(options: Sequence[str]) -> str:
    """The candidates with commas between them; as JSON where a candidate holds a comma itself."""
    listed = ", ".join(options)
    return (
        listed
        if options_of({"category": listed}, "category") == tuple(options)
        else json.dumps(options, ensure_ascii=False)
    )


def _lists_candidates(row: Row, *, labelled: bool) -> bool:
    try:
        options = options_of(row, "category")
        return "text" in row and len(options) > 1 and (not labelled or label_of(row, "output") in options)
    except BadRow:
        return False


FORMATS.register("fudan")(Fudan())
