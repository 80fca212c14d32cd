"""Rows with named columns: the general case that JSONL, CSV, TSV, Excel and Parquet share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetrie.data.columns import (
    ENTITY_NAMES,
    find,
    guess_target,
    guess_text,
    holds_entities,
    look_like_labels,
    mostly,
    names_in,
    values,
)
from finetrie.data.formats.base import (
    ALL_KINDS,
    Asked,
    Columns,
    Draft,
    Row,
    Shape,
    Unrecognised,
    WrongKind,
    more_than_half,
)
from finetrie.data.formats.fields import (
    answer_of,
    entities_of,
    history_of,
    label_of,
    one_of_options,
    options_of,
    own_text,
    text_of,
)
from finetrie.data.formats.reasoning import COLUMN, NAMES, apart, reasoning_columns, reasoning_of
from finetrie.data.rows import BadRow
from finetrie.records import Example

TARGETS = {"classification": "label", "ner": "entities", "instruction": "output"}
"""Kind → the column its answers are written to."""


@dataclass(frozen=True)
class Named:
    """One column with the text, one with the label, the entities or the answer.

    Where there are columns `options`, `instruction` and `history`, a row's own candidates, instruction and earlier
    turns are read from them; `options` only if it lists candidates and the label is among them. A column `reasoning`,
    or by one of its other names, holds the chain of thought.
    """

    about: str
    containers: frozenset[str]
    writes: tuple[str, ...]
    sample_rows: tuple[Row, ...] = field(repr=False)
    rank: int = 100
    kinds: frozenset[str] = ALL_KINDS
    asks: str | None = None

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        target = asked.target
        text = asked.text or guess_text(rows, taken={target or "", asked.options or ""})
        if target is None and asked.labelled:
            target = guess_target(rows, kind=asked.kind, text=text) or _entities_in_cells(rows)
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
        kind = _kind(rows, asked, target)
        options = asked.options or _options(rows, kind, target)
        also = tuple(name for name in _also(rows) if name not in (text, target, options))
        return Columns(kind, text, target if asked.labelled else None, options, also)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        text = text_of(row, columns.text)
        options = options_of(row, columns.options) if columns.options and _stands(row, columns.options) else None
        target: Any = None
        reasoning = reasoning_of(row, [name for name in columns.also if name in NAMES]) if labelled else None
        if labelled and columns.target is not None:
            if columns.kind == "ner":
                target = entities_of(row, columns.target)
            elif columns.kind == "instruction":
                target, reasoning = apart(answer_of(row, columns.target), reasoning)
            else:
                target = one_of_options(label_of(row, columns.target), options, columns.options or "")
        instruction = own_text(row, "instruction") if "instruction" in columns.also else None
        history = history_of(row, "history") if "history" in columns.also else ()
        return Draft(text, target, options, instruction, history, reasoning)

    def sample(self) -> Sequence[Row]:
        return self.sample_rows

    def written(self, shape: Shape) -> Columns:
        others = (("instruction", shape.instructions), ("history", shape.history), (COLUMN, shape.reasoning))
        also = [name for name, there in others if there]
        return Columns(shape.kind, "text", TARGETS[shape.kind], "options" if shape.options else None, tuple(also))

    def header(self, shape: Shape) -> tuple[str, ...]:
        columns = self.written(shape)
        options = (columns.options,) if columns.options else ()
        return (*(("id",) if shape.ids else ()), "text", TARGETS[shape.kind], *options, *columns.also)

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        row: dict[str, Any] = {"id": example.id} if shape.ids else {}
        row |= {"text": example.text, TARGETS[shape.kind]: example.target}
        if isinstance(example.target, tuple):
            row["entities"] = [
                {"start": s.start, "end": s.end, "label": s.label, "text": example.text[s.start : s.end]}
                for s in example.target
            ]
        if example.options is not None:
            row["options"] = list(example.options)
        if example.instruction is not None:
            row["instruction"] = example.instruction
        if example.history:
            row["history"] = [dict(message) for message in example.history]
        if example.reasoning is not None:
            row[COLUMN] = example.reasoning
        yield row


def _stands(row: Row, options: str) -> bool:
    """Rows written without candidates of their own leave the cell of the column `options` empty."""
    return options != "options" or row.get(options) not in (None, "")


def _options(rows: Sequence[Row], kind: str, target: str | None) -> str | None:
    """The column `options`, if it lists candidates in most rows that fill it and the label is among them."""
    filled = [row for row in rows if row.get("options") not in (None, "")]
    if kind != "classification" or target in (None, "options") or not filled:
        return None
    return "options" if more_than_half([_chooses(row, str(target)) for row in filled]) else None


def _chooses(row: Row, target: str) -> bool:
    try:
        return label_of(row, target) in options_of(row, "options")
    except BadRow:
        return False


def _also(rows: Sequence[Row]) -> Iterator[str]:
    if mostly(values(rows, "instruction"), str):
        yield "instruction"
    if more_than_half([_has_turns(row) for row in rows if row.get("history") not in (None, "", [])]):
        yield "history"
    yield from reasoning_columns(rows)


def _has_turns(row: Row) -> bool:
    try:
        return bool(history_of(row, "history"))
    except BadRow:
        return False


def _entities_in_cells(rows: Sequence[Row]) -> str | None:
    """A column of entities by its name whose cells hold JSON text, as a table must write them."""
    name = find(names_in(rows), ENTITY_NAMES[:6])
    return name if name is not None and _json_cells(values(rows, name)) else None


def _json_cells(held: Sequence[Any]) -> bool:
    return bool(held) and all(isinstance(value, str) and value.lstrip()[:1] in ("[", "{") for value in held)


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
    if asked.kind is None and target.casefold() in ENTITY_NAMES[:6] and _json_cells(held):
        return "ner"
    return asked.kind or ("classification" if look_like_labels(held) else "instruction")
