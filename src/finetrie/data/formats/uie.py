"""The UIE form of PaddleNLP: a row asks for one label of a text (`prompt`) and lists its words (`result_list`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import names_in
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
from finetrie.data.formats.fields import cell, marked, text_of
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow, Record
from finetrie.records import Example

_WITHOUT_LABELS = "entity"  # what is asked for where a whole data set names no label


class Uie:
    """Rows of the same content, and the same id where they have one, are one text with several labels.

    They need not stand together, so the file is held in memory while it is read.
    """

    about = '{"content", "result_list": [{"text", "start", "end"}], "prompt": label}, a row for each label of a text'
    containers = JSON
    rank = 10
    writes = ("jsonl", "json")
    kinds = frozenset({"ner"})
    asks = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        if not {"content", "prompt"} <= set(names_in(rows)) or (asked.labelled and "result_list" not in names_in(rows)):
            raise Unrecognised(
                "not in the uie format: columns 'content', 'result_list' and 'prompt' are needed",
                fix='set data.format = "auto"',
            )
        keeps_columns(asked, "uie", text="content", target="result_list")
        only_kind(asked, "ner", "uie")
        return Columns("ner", "content", "result_list" if asked.labelled else None, also=("prompt",))

    def regroup(self, records: Iterator[Record]) -> Iterator[Record]:
        texts: dict[tuple[str, str], Record] = {}
        everything: list[Record] = []
        for record in records:
            row = record.value
            if record.bad or not all(isinstance(row.get(name), str) for name in ("content", "prompt")):
                everything.append(record)
                continue
            results = row.get("result_list", [])
            if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
                everything.append(record)
                continue
            asked = [{**item, "prompt": row["prompt"]} for item in results]
            key = (str(row.get("id", "")), row["content"])
            if key in texts:
                texts[key].value["result_list"].extend(asked)
            else:
                texts[key] = Record(record.line, {**row, "result_list": asked})
                everything.append(texts[key])
        yield from everything

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = text_of(row, "content")
        if not labelled:
            return Draft(text, None)
        results = cell(row, "result_list")
        if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
            raise BadRow(
                "wrong_type",
                f"'result_list' must be a list of objects, got {kind_of(results)}",
                fix="write [] where the text has none",
            )
        asked = cell(row, "prompt")
        found = [
            marked(item.get("start"), item.get("end"), item.get("prompt", asked), item.get("text")) for item in results
        ]
        return Draft(text, tuple(found))

    def sample(self) -> Sequence[Row]:
        found = {"text": "南京", "start": 2, "end": 4}
        return (
            {"content": "他在南京工作", "result_list": [found], "prompt": "地名"},
            {"content": "默契。", "result_list": [], "prompt": "地名"},
        )

    def written(self, shape: Shape) -> Columns:
        return Columns("ner", "content", "result_list", also=("prompt",))

    def header(self, shape: Shape) -> tuple[str, ...]:
        return ("id", "content", "result_list", "prompt")

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        spans: Any = example.target
        labels = sorted({span.label for span in spans}) or [*shape.labels, _WITHOUT_LABELS][:1]
        for label in labels:
            results = [
                {"text": example.text[span.start : span.end], "start": span.start, "end": span.end}
                for span in spans
                if span.label == label
            ]
            yield {"id": example.id, "content": example.text, "result_list": results, "prompt": label}


FORMATS.register("uie")(Uie())
