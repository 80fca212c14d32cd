"""Files become examples. Every row is read, or named with its line, the reason and the remedy."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from finetrie.data.formats.base import Asked, Draft
from finetrie.data.labels import count_labels, near_labels
from finetrie.data.offsets import CODE_POINTS, is_settled, spans
from finetrie.data.recognise import Opened, open_rows
from finetrie.data.rows import BadRow, Record, storable
from finetrie.data.units import UnitSearch
from finetrie.errors import DataError
from finetrie.records import Example, Rejection

LISTED_ROWS = 20
"""Bad rows an error lists one by one."""

LEAVE_OUT = 'set data.on_bad_row = "reject" to leave them out (rejected.jsonl then lists them)'
"""What a run does about bad rows, as its errors say it."""

KINDS = ("classification", "ner", "instruction")


@dataclass(frozen=True)
class Dataset:
    """A file that has been read: its examples in file order, and how it was read."""

    examples: tuple[Example, ...]
    rejected: tuple[Rejection, ...]  # bad rows, only under on_bad_row="reject"
    format: str
    encoding: str
    kind: str  # "classification", "ner" or "instruction"
    text: str  # the columns used
    target: str | None
    options: str | None
    notices: tuple[str, ...]  # repaired offsets, guessed encodings, labels that nearly agree, ...

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)


@dataclass(frozen=True, slots=True)
class Raw:
    """One row of a file to predict on: as it stands, and as an example or the reason why it is none."""

    line: int
    row: Any  # the object or table row as read; the raw text where it could not be read
    result: Example | Rejection


def read(
    path: Path | str,
    *,
    format: str = "auto",
    encoding: str = "auto",
    kind: str | None = None,
    text: str | None = None,
    target: str | None = None,
    options: str | None = None,
    on_bad_row: Literal["stop", "reject"] = "stop",
    labelled: bool = True,
    keep_columns: bool = False,
    leave_out: str = LEAVE_OUT,
) -> Dataset:
    """Read a file of labelled texts.

    Args:
        path: a file; or a folder with LLaMA-Factory's dataset_info.json, as `FOLDER#NAME` where it lists several.
        format: a name from `FORMATS`, or "auto": the most particular format that fits the first 500 rows.
        encoding: a name, or "auto" (see `find_encoding`).
        kind: what the rows are for; None: what the target column holds decides.
        text, target, options: columns; None: the format's own, or found by their usual names.
        on_bad_row: "stop" reads to the end and raises one error with up to 20 bad rows; "reject" returns them.
        labelled: False reads texts only (`target` is None in every example), from any of the formats or a
            plain text file with a text a line.
        keep_columns: keep what else a row holds in `Example.columns`, for filters on it.
        leave_out: what the error for bad rows says of how to go on without them.

    Returns:
        Examples in file order. Ids are the rows' own `id` where every row has one and no two agree, else origins
        ("train.jsonl:17"). Entity offsets are half-open code points and verified.

    Raises:
        DataError: the file cannot be read, a column is missing, rows are bad (under "stop"), or none is usable.
        UnknownName: no such format.
    """
    asked = Asked(kind=known_kind(kind), text=text, target=target, options=options, labelled=labelled)
    opened = open_rows(Path(path), format, encoding, asked)
    collected = _Collected(opened, keep_rows=on_bad_row == "reject", keep_columns=keep_columns)
    for record in opened.records:
        collected.add(record, labelled=labelled)
    collected.settle()
    if collected.bad and on_bad_row == "stop":
        usable = sum(example is not None for example in collected.examples)
        raise bad_rows_error(opened.source.path, collected.bad, collected.rules, usable=usable, leave_out=leave_out)
    if not collected.examples:
        raise nothing_usable(opened.source.path, collected.bad[0], collected.rules)
    columns = opened.columns
    examples = _with_ids(collected)
    notices = (*opened.source.notices, *collected.notices(), *_label_notices(opened, examples))
    return Dataset(
        examples=tuple(examples),
        rejected=tuple(collected.rejections()),
        format=opened.name,
        encoding=opened.source.encoding.name,
        kind=columns.kind,
        text=columns.text,
        target=columns.target,
        options=columns.options,
        notices=notices,
    )


def iter_rows(
    path: Path | str,
    *,
    format: str = "auto",
    encoding: str = "auto",
    text: str | None = None,
    options: str | None = None,
    kind: str | None = None,
) -> Iterator[Raw]:
    """Stream a file to predict on: each row as it stands beside its unlabelled example, or why there is none.

    Any form of `read` will do, and a .txt file with a text a line. Memory does not grow with the file; ids are
    origins, because only the whole file could show whether the rows' own are unique.

    Raises:
        DataError: the file cannot be read, or no column holds the text.
    """
    asked = Asked(kind=known_kind(kind), text=text, options=options, labelled=False)
    opened = open_rows(Path(path), format, encoding, asked)
    for record in opened.records:
        origin = f"{opened.source.path.name}:{record.line}"
        result: Example | Rejection
        try:
            result = example_of(opened.draft(record, labelled=False), origin)
        except BadRow as bad:
            result = rejection_of(record, bad, origin)
        yield Raw(record.line, record.value if record.bad is None else storable(record.value), result)


class _Collected:
    """Examples and bad rows as they come in; rows whose offsets depend on the file's unit wait for its end."""

    def __init__(self, opened: Opened, *, keep_rows: bool, keep_columns: bool) -> None:
        self.opened, self.keep_rows, self.keep_columns = opened, keep_rows, keep_columns
        self.file = opened.source.path.name
        self.examples: list[Example | None] = []  # None: the place of a waiting row
        self.own_ids: list[Any] = []
        self.waiting: list[tuple[int, Record, Draft]] = []
        self.bad: list[tuple[Record, BadRow]] = []
        self.rules: Counter[str] = Counter()
        self.target_types: Counter[type] = Counter()
        self.duplicates = self.repaired = 0
        self.units = UnitSearch()
        self.unit = CODE_POINTS

    def add(self, record: Record, *, labelled: bool) -> None:
        try:
            draft = self.opened.draft(record, labelled=labelled)
            if isinstance(draft.target, tuple):
                self.units.add(draft.text, draft.target)
            if isinstance(draft.target, tuple) and not is_settled(draft.text, draft.target):
                example = None
                self.waiting.append((len(self.examples), record, draft))
            else:
                example = self._finish(record, draft)
        except BadRow as bad:
            self.refuse(record, bad)
            return
        self.examples.append(example)
        self.own_ids.append(record.value.get("id"))
        if labelled and self.opened.columns.target is not None:
            self.target_types[type(record.value.get(self.opened.columns.target))] += 1

    def refuse(self, record: Record, bad: BadRow) -> None:
        self.rules[bad.rule] += 1
        if self.keep_rows or len(self.bad) < LISTED_ROWS:
            self.bad.append((record, bad))

    def settle(self) -> None:
        """Decide on the file's unit of offsets and finish the rows that waited for it."""
        self.unit = self.units.unit()
        for place, record, draft in self.waiting:
            try:
                self.examples[place] = self._finish(record, draft)
                self.repaired += self.unit is not CODE_POINTS
            except BadRow as bad:
                self.refuse(record, bad)
        kept = [i for i, example in enumerate(self.examples) if example is not None]
        if len(kept) < len(self.examples):
            self.examples, self.own_ids = [self.examples[i] for i in kept], [self.own_ids[i] for i in kept]
            self.bad.sort(key=lambda pair: pair[0].line)

    def _finish(self, record: Record, draft: Draft) -> Example:
        target: Any = draft.target
        if isinstance(target, tuple):
            target, duplicates = spans(draft.text, target, self.unit)
            self.duplicates += duplicates
        example = example_of(replace(draft, target=target), f"{self.file}:{record.line}")
        if not self.keep_columns:
            return example
        columns = self.opened.columns
        used = {columns.text, columns.target, columns.options, *columns.also}
        return replace(example, columns={name: value for name, value in record.value.items() if name not in used})

    def rejections(self) -> list[Rejection]:
        return [rejection_of(record, bad, f"{self.file}:{record.line}") for record, bad in self.bad]

    def notices(self) -> list[str]:
        notices = []
        if self.repaired:
            why = "and the words agree" if self.units.words_agree else "the only unit in which all of them fit"
            notices.append(
                f"{self.file}: offsets are {self.unit.name}; those of {self.repaired} rows were converted to half-open "
                f"code points, {why}"
            )
        if self.duplicates:
            notices.append(
                f"{self.file}: {self.duplicates} entities were marked twice in the same row; each counts once"
            )
        if self.bad:
            by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(self.rules.items()))
            notices.append(f"{self.file}: {self.rules.total()} rows rejected ({by_rule})")
        if self.opened.columns.kind == "classification":
            if count := self.target_types[bool]:
                notices.append(
                    f"{self.file}: {count} labels are true or false; they are read as the words true and false"
                )
            if count := self.target_types[float]:
                notices.append(f"{self.file}: {count} labels are decimal numbers such as 3.0; they are read as 3")
        return notices


def example_of(draft: Draft, origin: str) -> Example:
    """The example a verified draft makes; its id is its origin."""
    target: Any = draft.target
    return Example(
        id=origin,
        text=draft.text,
        target=sys.intern(target) if isinstance(target, str) and len(target) <= 64 else target,
        origin=origin,
        options=draft.options,
        instruction=draft.instruction,
        history=draft.history,
        reasoning=draft.reasoning,
    )


def rejection_of(record: Record, bad: BadRow, origin: str) -> Rejection:
    """A bad row as the record that is kept of it."""
    return Rejection(origin=origin, rule=bad.rule, reason=str(bad), row=storable(record.value))


def _with_ids(collected: _Collected) -> list[Example]:
    """Give rows their own ids where each has one and no two agree."""
    examples = [example for example in collected.examples if example is not None]
    own = collected.own_ids
    if not all(isinstance(i, (str, int)) and not isinstance(i, bool) and str(i).strip() for i in own):
        return examples
    if len({str(i) for i in own}) < len(own):
        return examples
    return [replace(example, id=str(i)) for example, i in zip(examples, own, strict=True)]


def _label_notices(opened: Opened, examples: Sequence[Example]) -> list[str]:
    counts = count_labels(examples, kind=opened.columns.kind)
    file = opened.source.path.name
    notices = []
    for group in near_labels(counts):
        listed = ", ".join(f"{label!r} ({counts[label]} rows)" for label in group)
        notices.append(f"{file}: labels {listed} differ only in case, width or spaces; they are kept apart")
    return notices


def known_kind(kind: str | None) -> str | None:
    """`kind`, if there is such a kind of task; raises ValueError."""
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return kind


def bad_rows_error(
    path: Path,
    found: Sequence[tuple[Record, BadRow]],
    rules: Counter[str],
    *,
    usable: int,
    leave_out: str = LEAVE_OUT,
) -> DataError:
    """One error for all bad rows of a file: the first 20 `found`, how many there are by rule, and what to do."""
    total = rules.total()
    record, bad = found[0]
    if total == 1:
        return DataError(path, record.line, bad.reason, fix=f"{bad.fix or 'correct the row'}; or {leave_out}")
    rows = total + usable
    listed = [f"{path.name}:{r.line}: {b}" for r, b in found[:LISTED_ROWS]]
    if total > len(listed):
        by_rule = ", ".join(f"{rule} {count}" for rule, count in rules.most_common())
        listed.append(f"... and {total - len(listed)} more ({by_rule})")
    return DataError(
        path,
        None,
        f"{total} of {rows} rows cannot be used\n  " + "\n  ".join(listed),
        fix=f"correct them, or {leave_out}",
    )


def nothing_usable(path: Path, first: tuple[Record, BadRow], rules: Counter[str]) -> DataError:
    """The error for a file without one usable row."""
    record, bad = first
    return DataError(path, None, f"none of {rules.total()} rows can be used; the first, line {record.line}: {bad}")
