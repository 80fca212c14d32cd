"""The CLUENER form: label → words → places, with ends that point at the last character."""

from __future__ import annotations

from collections.abc import Sequence

from finetrie.data.columns import mostly, values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON, Asked, Columns, Draft, Row, Unrecognised, keeps_columns, only_kind
from finetrie.data.formats.fields import cell, grouped_entities, text_of


class Cluener:
    about = '{"text", "label": {name: {words: [[start, end]]}}}, ends inclusive'
    containers = JSON
    rank = 10

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


FORMATS.register("cluener")(Cluener())
