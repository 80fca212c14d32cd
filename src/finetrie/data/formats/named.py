"""Rows with named columns: the general case that JSONL, CSV and TSV share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from finetrie.data.columns import guess_target, guess_text, holds_entities, look_like_labels, names_in, values
from finetrie.data.formats.base import Asked, Columns, Draft, Row, Unrecognised, WrongKind
from finetrie.data.formats.fields import answer_of, entities_of, label_of, one_of_options, options_of, text_of


@dataclass(frozen=True)
class Named:
    """One column with the text, one with the label, the entities or the answer."""

    about: str
    containers: frozenset[str]
    rows: tuple[Row, ...] = field(repr=False)
    rank: int = 100

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        target = asked.target
        text = asked.text or guess_text(rows, taken={target or "", asked.options or ""})
        if target is None and asked.labelled:
            target = guess_target(rows, kind=asked.kind, text=text)
        listed = ", ".join(names_in(rows)) or "none"
        if text is None:
            raise Unrecognised(
                f"no column is recognisably the text (columns: {listed})", fix='name it: data.text = "..."'
            )
        if target is None and asked.labelled:
            what = "entities" if asked.kind == "ner" else "label"
            raise Unrecognised(
                f"no column is recognisably the {what} (columns: {listed})", fix='name it: data.target = "..."'
            )
        return Columns(_kind(rows, asked, target), text, target if asked.labelled else None, asked.options)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = text_of(row, columns.text)
        options = options_of(row, columns.options) if columns.options else None
        if not labelled or columns.target is None:
            return Draft(text, None, options)
        if columns.kind == "ner":
            return Draft(text, entities_of(row, columns.target), options)
        if columns.kind == "instruction":
            return Draft(text, answer_of(row, columns.target), options)
        label = label_of(row, columns.target)
        return Draft(text, one_of_options(label, options, columns.options or ""), options)

    def sample(self) -> Sequence[Row]:
        return self.rows


def _kind(rows: Sequence[Row], asked: Asked, target: str | None) -> str:
    """The kind asked for, unless the target column holds something else; by what it holds when nothing was asked."""
    if target is None:
        return asked.kind or "classification"
    if holds_entities(rows, target):
        if asked.kind not in (None, "ner"):
            raise WrongKind(f"column {target!r} holds entities (ner), not {asked.kind}", fix='set task.kind = "ner"')
        return "ner"
    held = values(rows, target)
    if asked.kind == "ner" and held and not any(isinstance(v, str) and v.lstrip()[:1] in ("[", "{") for v in held):
        raise WrongKind(
            f"column {target!r} holds no entities, such as {held[0]!r}", fix='set task.kind = "classification"'
        )
    return asked.kind or ("classification" if look_like_labels(held) else "instruction")
