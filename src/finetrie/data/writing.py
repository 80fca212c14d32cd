"""Rows become files: a writer for each container, and what a format cannot hold is counted.

The forms themselves say what their rows look like (`rows` in `data/formats`); here the rows become bytes. Every file
takes its place only when it is whole.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from finetrie.data.excel import LAST_ROW, LONGEST_CELL
from finetrie.data.extras import optional
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Row, Shape, Writable
from finetrie.data.offsets import spans
from finetrie.data.rows import BadRow
from finetrie.errors import FinetrieError, OutputError, UnknownName, suggest
from finetrie.files import json_line, replacing
from finetrie.records import Example

CONTAINERS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}
"""Suffix → container. Any other suffix takes the usual container of the format."""

PLAIN = {
    "jsonl": ("jsonl", "jsonl"),
    "json": ("jsonl", "json"),
    "csv": ("csv", "csv"),
    "tsv": ("tsv", "tsv"),
    "xlsx": ("excel", "xlsx"),
    "excel": ("excel", "xlsx"),
    "parquet": ("parquet", "parquet"),
}
"""Names that say the container as well: name → format and container."""

BATCH_ROWS = 10_000

_LISTS: dict[str, tuple[str, ...]] = {  # columns of lists in Parquet: the keys of their objects, none for texts
    "entities": ("start", "end", "label", "text"),
    "options": (),
    "messages": ("role", "content"),
    "conversations": ("from", "value"),
}

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPE_LIKE = re.compile("\r|_(?=x[0-9A-Fa-f]{4}_)")


def writable_names() -> list[str]:
    """What a conversion can write."""
    return sorted({*PLAIN, *(name for name in FORMATS.names() if isinstance(FORMATS.get(name), Writable))})


def choose_form(path: Path, to: str | None) -> tuple[str, Writable, str]:
    """Name of the format, the format, and the container to write `path` in.

    Raises:
        OutputError: the file's name says no format, or one that the format is not written in.
        UnknownName: no such format, or it can only be read.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if to is None:
        if container is None:
            raise OutputError(
                f"{path}: its name does not say what to write",
                fix=f"name the format (--to: {', '.join(writable_names())}), or end it in {', '.join(CONTAINERS)}",
            )
        to = container
    if to not in writable_names():
        raise UnknownName(
            f"unknown format {to!r}{suggest(to, writable_names())} (can be written: {', '.join(writable_names())})"
        )
    name, said = PLAIN.get(to, (to, None))
    form = FORMATS.get(name)
    assert isinstance(form, Writable)
    if said is None and container is not None and container not in form.writes:
        endings = ", ".join(suffix for suffix, c in CONTAINERS.items() if c in form.writes) or "any other ending"
        raise OutputError(f"{path}: {to} is not written as {path.suffix}", fix=f"end the file's name in: {endings}")
    return name, form, said or container or form.writes[0]


def write_rows(path: Path, rows: Iterable[Row], *, container: str, header: Sequence[str]) -> int:
    """Write rows to a file, which appears when it is whole; returns how many rows it has.

    `rows` may raise: the file is left as it was. Memory does not grow with the rows.

    Args:
        container: "jsonl", "json", "csv", "tsv", "xlsx", "parquet" or "conll".
        header: the columns of a table, in order; a row without one of them has an empty cell.

    Raises:
        OutputError: the place is not writable or the disk is full.
        DataError: a library for tables is not installed.
    """
    write: Callable[[IO[bytes], Iterator[Row], Sequence[str], Path], int] = _WRITERS[container]
    with replacing(path) as stream:
        return write(stream, iter(rows), header, path)


def refuse_unwritable(row: Row, container: str) -> None:
    """Raise BadRow for a row whose text this container would change or cut."""
    if container not in ("csv", "tsv", "xlsx"):
        return
    for name, value in row.items():
        text = _excel_text(cell(value)) if container == "xlsx" else cell(value)
        if container == "xlsx" and len(text) > LONGEST_CELL:
            raise BadRow(
                "unwritable",
                f"{name!r} has {len(text)} characters; a cell of Excel holds {LONGEST_CELL}",
                fix="convert to jsonl, csv or parquet instead",
            )
        found = _NOT_IN_XML.search(text) if container == "xlsx" else re.search("\0", text)
        if found:
            raise BadRow(
                "unwritable",
                f"{name!r} holds the control character U+{ord(found[0]):04X}, which {container} cannot hold",
                fix="clean the text, or convert to jsonl instead",
            )


class Losses:
    """What examples lose in a format: each row is read back as it was written, and compared."""

    def __init__(self, form: Writable, shape: Shape) -> None:
        self._form, self._columns = form, form.written(shape)
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}

    def add(self, example: Example, rows: Sequence[Row]) -> None:
        """Compare; raises BadRow where the format's reader would refuse what its writer made."""
        drafts = [self._form.draft(row, self._columns, labelled=True) for row in rows]
        text, first = drafts[0].text, drafts[0]
        target: Any = first.target
        if isinstance(target, tuple):
            marked = [entity for draft in drafts if isinstance(draft.target, tuple) for entity in draft.target]
            target = spans(text, marked)[0]
        changed = {
            "text": text != example.text,
            "target": _changed(example, text, target),
            "options": example.options is not None and first.options != example.options,
            "instruction": example.instruction is not None and first.instruction != example.instruction,
            "history": bool(example.history) and first.history[-len(example.history) :] != example.history,
            "reasoning": example.reasoning is not None and first.reasoning != example.reasoning,
        }
        for part, lost in changed.items():
            if lost:
                self.counts[part] = self.counts.get(part, 0) + 1
                self.first.setdefault(part, example.origin)


def _changed(example: Example, text: str, target: Any) -> bool:
    """Whether the target is another one; entities in a text with other white space are compared by their words."""
    if not (isinstance(target, tuple) and isinstance(example.target, tuple)) or text == example.text:
        return bool(target != example.target)
    return _words(text, target) != _words(example.text, example.target)


def _words(text: str, target: Sequence[Any]) -> list[tuple[str, str]]:
    return sorted(("".join(text[s.start : s.end].split()), s.label) for s in target)


def cell(value: Any) -> str:
    """What stands in a table's cell: text as it is, nothing as nothing, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _jsonl(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
    count = 0
    for row in rows:
        stream.write(json_line(row))
        count += 1
    return count


def _json(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
    count = 0
    for row in rows:
        stream.write((b",\n" if count else b"[\n") + json_line(row).rstrip(b"\n"))
        count += 1
    stream.write(b"\n]\n" if count else b"[]\n")
    return count


def _separated(delimiter: str) -> Callable[[IO[bytes], Iterator[Row], Sequence[str], Path], int]:
    def write(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        try:
            writer = csv.writer(text, delimiter=delimiter)
            writer.writerow(header)
            count = 0
            for row in rows:
                writer.writerow([cell(row.get(name)) for name in header])
                count += 1
        finally:
            text.detach()  # flushes, and leaves the stream open
        return count

    return write


def _tokens(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
    count = 0
    for row in rows:
        lines = [f"{token} {tag}\n" for token, tag in zip(row["tokens"], row["tags"], strict=True)]
        stream.write(("".join(lines) + "\n").encode("utf-8"))
        count += 1
    return count


def _workbook(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
    openpyxl = optional("openpyxl", path=path, what="writing an Excel workbook")
    from_cell = optional("openpyxl.cell", path=path, what="writing an Excel workbook").WriteOnlyCell
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("data")
    count = 0
    try:
        sheet.append(list(header))
        for row in rows:
            if count + 2 > LAST_ROW:
                raise _too_many(path)
            cells = []
            for name in header:
                filled = from_cell(sheet)
                filled.value = _excel_text(cell(row.get(name)))
                filled.data_type = "s"  # never a formula, whatever it begins with
                cells.append(filled)
            sheet.append(cells)
            count += 1
    finally:
        sheet.close()
    workbook.save(stream)
    return count


def _excel_text(text: str) -> str:
    """Carriage returns, and what looks like such an escape, as Excel writes them; XML would turn CR into LF."""
    return _ESCAPE_LIKE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _too_many(path: Path) -> FinetrieError:
    return OutputError(
        f"{path}: an Excel sheet holds {LAST_ROW - 1} rows and its header; there are more", fix="write csv or parquet"
    )


def _parquet(stream: IO[bytes], rows: Iterator[Row], header: Sequence[str], path: Path) -> int:
    pyarrow = optional("pyarrow", path=path, what="writing a Parquet file")
    parquet = optional("pyarrow.parquet", path=path, what="writing a Parquet file")
    schema = pyarrow.schema([(name, _column_type(pyarrow, name)) for name in header])
    count = 0
    with parquet.ParquetWriter(stream, schema) as writer:
        for batch in _batches(rows):
            columns = {name: [_column_value(row.get(name), name) for row in batch] for name in header}
            writer.write_table(pyarrow.table(columns, schema=schema))
            count += len(batch)
    return count


def _column_type(pyarrow: Any, name: str) -> Any:
    """The type of a column by its name: text, unless the formats write lists under it."""
    text, number = pyarrow.string(), pyarrow.int64()
    if name not in _LISTS:
        return text
    fields = [(key, number if key in ("start", "end") else text) for key in _LISTS[name]]
    return pyarrow.list_(pyarrow.struct(fields) if fields else text)


def _column_value(value: Any, name: str) -> Any:
    return value if value is None or name in _LISTS else cell(value)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    for first in rows:
        batch = [first]
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                break
        yield batch


_WRITERS: dict[str, Callable[[IO[bytes], Iterator[Row], Sequence[str], Path], int]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _separated(","),
    "tsv": _separated("\t"),
    "conll": _tokens,
    "xlsx": _workbook,
    "parquet": _parquet,
}
