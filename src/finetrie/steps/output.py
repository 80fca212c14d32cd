"""Output: examples become a file of a chosen form; where it needs a question, labels are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetrie.data.formats.base import Row, Shape, Writable
from finetrie.data.formats.conll import Conll
from finetrie.data.tokens import SCHEMES
from finetrie.data.writing import Losses, choose_form, refuse_unwritable, write_rows
from finetrie.errors import ConfigError, DataError
from finetrie.records import Example, Message, Span
from finetrie.tasks import Task, task_from

LISTED_LABELS = 100
"""Labels a question lists for rows without candidates of their own; a longer list would drown the text."""

_LOST = {  # what became of a part of a row in a form that answers in words, and in the others
    "text": ("the question stands around the text now", "white space between the words is not kept exactly"),
    "target": (
        "the entities are words in the answer now, without their offsets",
        "nested or overlapping entities are left out; the outermost are kept",
    ),
    "options": ("the row's candidates are part of the question now", "the row's own candidates are left out"),
    "instruction": ("the row's instruction is part of the question now", "the row's own instruction is left out"),
    "history": ("the earlier turns are left out", "the earlier turns are left out"),
    "reasoning": ("the reasoning is left out", "the reasoning is left out"),
}


@dataclass(frozen=True)
class Place:
    """A file to write: its path, and the form and container of its rows."""

    path: Path
    name: str  # of the form
    form: Writable
    container: str

    @classmethod
    def chosen(cls, path: Path, to: str | None, *, scheme: str = "BIO") -> Place:
        """The form called `to`, or the one that the file's ending names.

        Raises:
            OutputError: the file's name does not fit the form, or names none.
            UnknownName: no such form, or none that can be written.
            ConfigError: no such scheme of tags.
        """
        name, form, container = choose_form(path, to)
        if isinstance(form, Conll):
            form = replace(form, scheme=one_of("scheme", scheme.upper(), SCHEMES))
        return cls(path, name, form, container)


class Output:
    """The rows of one file to write, and what their form cannot hold. `task` asks for labels; None: they stand as they
    are."""

    def __init__(self, place: Place, shape: Shape, task: Task[Any] | None = None) -> None:
        self.place, self.shape, self.task = place, shape, task
        self.losses = Losses(place.form, shape)

    def rows(self, example: Example) -> list[Row]:
        """The rows of one example, usually one; raises BadRow where the form cannot hold it."""
        asked = example if self.task is None else question(example, self.task, self.place.form.asks)
        rows = list(self.place.form.rows(asked, self.shape))
        for row in rows:
            refuse_unwritable(row, self.place.container)
        self.losses.add(example, rows)
        return rows

    def write(self, rows: Iterable[Row]) -> int:
        """Write the file, which appears when it is whole; returns its number of rows."""
        header = self.place.form.header(self.shape)
        return write_rows(self.place.path, rows, container=self.place.container, header=header)

    def losses_said(self, source: str, examples: int) -> list[str]:
        """What the rows lost, with counts."""
        asks = 0 if self.place.form.asks else 1
        return [
            f"{source} → {self.place.name}: {count} of {examples} rows: {_LOST[part][asks]} "
            f"(the first: {self.losses.first[part]})"
            for part, count in self.losses.counts.items()
        ]


def shape_of(examples: Collection[Example], *, kind: str, labels: Collection[str] = ()) -> Shape:
    """What rows in memory hold; `labels` are known in advance, whether a row has them or not."""
    found = set(labels)
    for example in examples:
        if isinstance(example.target, tuple):
            found.update(span.label for span in example.target if isinstance(span, Span))
        elif kind == "classification":
            found.update(example.options or ())
            found.update([example.target] if example.target is not None else [])
    return Shape(
        kind,
        labels=tuple(sorted(found)) if kind != "instruction" else (),
        ids=bool(examples) and all(example.id != example.origin for example in examples),
        options=any(example.options is not None for example in examples),
        instructions=any(example.instruction is not None for example in examples),
        history=any(example.history for example in examples),
        reasoning=any(example.reasoning is not None for example in examples),
    )


def asking(
    place: Place,
    shape: Shape,
    *,
    source: Path | str,
    language: str,
    rows: int,
    wording: str = "default",
    instruction: str | None = None,
) -> Task[Any] | None:
    """What the rows ask, where the form needs a question; None where labels stand as they are.

    Raises:
        DataError: the form cannot hold this kind of rows, or no row has an entity to ask for.
    """
    if shape.kind not in place.form.kinds:
        raise _cannot_hold(source, shape.kind, place.name)
    if place.form.asks is None:
        return None
    description = {"kind": shape.kind, "language": language, "wording": wording, "instruction": instruction}
    if shape.kind == "instruction":
        return task_from(description)
    if not shape.labels:
        raise DataError(source, None, f"none of {rows} rows has an entity", fix="name the column with the entities")
    return task_from({**description, "labels": list(shape.labels)})


def question(example: Example, task: Task[Any], asks: str | None) -> Example:
    """The example as the task asks it, with the answer in words: the same messages that training would use."""
    if task.name == "instruction" and asks == "apart":
        return example
    options = () if example.options is None and len(task.labels) > LISTED_LABELS else example.options
    *before, asked = task.messages(example.text, options=options, instruction=example.instruction)
    answer = example.target if task.name == "instruction" else task.answer(task.target(example))
    said = "\n".join(message["content"] for message in before)
    if asks == "apart":
        return replace(example, text=asked["content"], instruction=said or None, target=answer)
    if asks == "together":
        together = "\n".join(part for part in (said, asked["content"]) if part)
        return replace(example, text=together, instruction=None, target=answer)
    history: tuple[Message, ...] = (*before, *example.history)
    return replace(example, text=asked["content"], instruction=None, history=history, target=answer)


def beside(path: Path, what: str) -> Path:
    """The name of a list that belongs to a written file: `out.json` → `out.rejected.jsonl`."""
    return path.with_name(f"{path.stem}.{what}.jsonl")


def one_of(name: str, value: str, known: Collection[str]) -> str:
    """`value`, where it is one of `known`; raises ConfigError."""
    if value not in known:
        raise ConfigError(f"{name}: {value!r} is none of {', '.join(known)}")
    return value


def _cannot_hold(source: Path | str, kind: str, name: str) -> DataError:
    missing = {
        "ner": "has no place for entities",
        "classification": "holds entities, and these rows have one label each",
        "instruction": "holds labels, and these rows have free answers",
    }
    others = "alpaca, messages, sharegpt, human_assistant, jsonl" + {"ner": ", conll, doccano", "instruction": ""}.get(
        kind, ", doccano, fudan"
    )
    return DataError(
        source, None, f"{kind} rows cannot be written as {name}, which {missing[kind]}", fix=f"convert to {others}"
    )
