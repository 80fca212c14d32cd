"""The CCF BDCI form of named-entity data: offsets, words and label of each entity; half-open offsets."""

from __future__ import annotations

from collections.abc import Sequence

from finetrie.data.columns import values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON, Asked, Columns, Draft, Row, Unrecognised, keeps_columns, only_kind
from finetrie.data.formats.fields import entities_of, text_of


class Ccf:
    about = '{"text", "entities": [{"start_idx", "end_idx", "entity_text", "entity_label"}]}, ends exclusive'
    containers = JSON
    rank = 10

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


FORMATS.register("ccf")(Ccf())
