"""A labelled file read twice in bounded memory: once to learn what it holds, once to hand on its examples.

`read` keeps every example, because a split needs them all. A conversion does not: what depends on the whole file (the
unit of its offsets, its label set, whether every row has an id) fits in a survey, and the rows stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetrie.data.formats.base import Asked, Columns, Draft, Shape
from finetrie.data.language import SAMPLE_TEXTS, language
from finetrie.data.offsets import CODE_POINTS, Unit, spans
from finetrie.data.reading import example_of, known_kind, nothing_usable
from finetrie.data.recognise import Opened, open_rows
from finetrie.data.rows import BadRow, Record
from finetrie.data.units import UnitSearch
from finetrie.records import Example


@dataclass(frozen=True)
class Survey:
    """What a whole file holds."""

    path: Path  # of the file with the rows
    format: str
    encoding: str
    columns: Columns
    shape: Shape
    unit: Unit  # of its entity offsets
    rows: int  # that can be read, as far as can be told without the unit
    language: str  # "zh" or "en"
    unread: tuple[str, ...]  # columns that no example is made of
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """A labelled file, and how to read it; the arguments are those of `read`."""

    path: Path
    format: str = "auto"
    encoding: str = "auto"
    kind: str | None = None
    text: str | None = None
    target: str | None = None
    options: str | None = None

    def survey(self) -> Survey:
        """Read the file once.

        Raises:
            DataError: the file cannot be read, a column is missing, or no row is usable.
        """
        opened = self._open()
        looked = _Look(opened.columns.kind)
        for record in opened.records:
            try:
                looked.add(record, opened.draft(record, labelled=True))
            except BadRow as bad:
                looked.refuse(record, bad)
        if not looked.rows and looked.first_bad is not None:
            raise nothing_usable(opened.source.path, looked.first_bad, looked.rules)
        columns = opened.columns
        read = {columns.text, columns.target, columns.options, *columns.also, "id"}
        return Survey(
            path=opened.source.path,
            format=opened.name,
            encoding=opened.source.encoding.name,
            columns=columns,
            shape=looked.shape(),
            unit=looked.units.unit(),
            rows=looked.rows,
            language=language(looked.texts),
            unread=tuple(name for name in looked.names if name not in read),
            notices=(*opened.source.notices, *looked.notices(opened.source.path.name)),
        )

    def examples(self, survey: Survey) -> Iterator[tuple[Record, Example | BadRow]]:
        """Every row with its example, or with what is wrong with it; ids are the rows' own where all have one."""
        opened = self._open()
        for record in opened.records:
            try:
                draft = opened.draft(record, labelled=True)
                if isinstance(draft.target, tuple):
                    target: Any = spans(draft.text, draft.target, survey.unit)[0]
                    draft = replace(draft, target=target)
                example = example_of(draft, f"{survey.path.name}:{record.line}")
                yield record, replace(example, id=str(record.value["id"])) if survey.shape.ids else example
            except BadRow as bad:
                yield record, bad

    def _open(self) -> Opened:
        asked = Asked(kind=known_kind(self.kind), text=self.text, target=self.target, options=self.options)
        return open_rows(self.path, self.format, self.encoding, asked)


class _Look:
    """What the survey has seen so far."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rows = 0
        self.units = UnitSearch()
        self.texts: list[str] = []
        self.labels: set[str] = set()
        self.names: dict[str, None] = {}
        self.ids = True
        self.options = self.instructions = self.history = self.reasoning = False
        self.duplicates = 0
        self.rules: Counter[str] = Counter()
        self.first_bad: tuple[Record, BadRow] | None = None

    def add(self, record: Record, draft: Draft) -> None:
        self.rows += 1
        if len(self.texts) < SAMPLE_TEXTS:
            self.texts.append(draft.text)
        if isinstance(draft.target, tuple):
            self.units.add(draft.text, draft.target)
            places = {(entity.start, entity.end, entity.label) for entity in draft.target}
            self.duplicates += len(draft.target) - len(places)
            self.labels.update(entity.label for entity in draft.target)
        elif self.kind == "classification":  # free answers would fill the memory
            self.labels.update([str(draft.target)], draft.options or ())
        self.names.update(dict.fromkeys(record.value))
        own = record.value.get("id")
        self.ids = self.ids and isinstance(own, (str, int)) and not isinstance(own, bool) and bool(str(own).strip())
        self.options = self.options or draft.options is not None
        self.instructions = self.instructions or draft.instruction is not None
        self.history = self.history or bool(draft.history)
        self.reasoning = self.reasoning or draft.reasoning is not None

    def refuse(self, record: Record, bad: BadRow) -> None:
        self.rules[bad.rule] += 1
        self.first_bad = self.first_bad or (record, bad)

    def notices(self, file: str) -> list[str]:
        said = []
        unit = self.units.unit()
        if unit is not CODE_POINTS:
            said.append(f"{file}: offsets are {unit.name}; they are converted to half-open code points")
        if self.duplicates:
            said.append(f"{file}: {self.duplicates} entities were marked twice in the same row; each counts once")
        return said

    def shape(self) -> Shape:
        return Shape(
            self.kind,
            tuple(sorted(self.labels)),
            self.ids,
            self.options,
            self.instructions,
            self.history,
            self.reasoning,
        )
