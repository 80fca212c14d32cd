"""What a file is: its container, its format and its columns, from its first rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path

from finetrie.data.columns import KNOWN_NAMES, names_in
from finetrie.data.dataset_info import dataset_entry
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Asked, Columns, Draft, Format, Regrouping, Row, Unrecognised, WrongKind
from finetrie.data.rows import Record
from finetrie.data.source import Source, open_source, records
from finetrie.errors import DataError, suggest

SAMPLE_ROWS = 500
"""Rows looked at to find the format and the columns."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose format and columns are known, ready to be read from its first row."""

    source: Source
    name: str  # of the format
    format: Format
    columns: Columns
    records: Iterator[Record]

    def draft(self, record: Record, *, labelled: bool) -> Draft:
        """What one record says; raises BadRow where it cannot be used."""
        if record.bad is not None:
            raise record.bad
        return self.format.draft(record.value, self.columns, labelled=labelled)


def open_rows(path: Path, format: str, encoding: str, asked: Asked) -> Opened:
    """Find container, format and columns from the first rows; the records start at the first row again.

    A data set that dataset_info.json describes (`FOLDER#NAME`) is read as it says there.
    """
    entry = dataset_entry(path)
    if entry is not None:
        path, format = entry.file, entry.formatting
    known = {*KNOWN_NAMES, *(name for name in (asked.text, asked.target, asked.options) if name)}
    chosen = None if format == "auto" else FORMATS.get(format)
    container = format if format in ("csv", "tsv", "conll") else None
    source = open_source(path, encoding=encoding, container=container, known=known)
    stream = records(source) if entry is None else map(entry.renamed, records(source))
    first = list(islice(stream, SAMPLE_ROWS))
    if not first:
        raise DataError(path, None, "the file has no rows", fix="name the file that holds your data")
    rows: list[Row] = [record.value for record in first if record.bad is None]
    if source.container == "txt" and asked.labelled:
        raise DataError(
            path,
            None,
            "plain text has no labels; expected JSONL, a JSON array, CSV or TSV",
            fix='write rows as {"text": ..., "label": ...}, or text<TAB>label',
        )
    if chosen is not None and not _reads(chosen, source.container):
        raise _other_container(path, format, chosen, source.container)
    if not rows:
        raise _all_bad(path, first)
    name, columns = _recognise(path, format, chosen, source.container, rows, asked)
    _require_columns(path, rows, columns, asked, complete=len(first) < SAMPLE_ROWS)
    form = FORMATS.get(name)
    everything: Iterator[Record] = chain(first, stream)
    if isinstance(form, Regrouping):
        everything = form.regroup(everything)
    if entry is not None:
        source = replace(source, notices=(*source.notices, *entry.notices))
    return Opened(source, name, form, columns, everything)


def _recognise(
    path: Path, name: str, chosen: Format | None, container: str, rows: Sequence[Row], asked: Asked
) -> tuple[str, Columns]:
    try:
        if chosen is not None:
            return name, chosen.columns(rows, asked)
        candidates = [(n, f) for n in FORMATS.names() if _reads(f := FORMATS.get(n), container)]
        problem = Unrecognised("no format reads this file", fix="finetrie info formats lists them")
        for candidate, form in sorted(candidates, key=lambda pair: (pair[1].rank, pair[0])):
            try:
                return candidate, form.columns(rows, asked)
            except WrongKind:
                raise
            except Unrecognised as error:
                problem = error
        raise problem
    except Unrecognised as error:
        raise DataError(path, None, error.problem, fix=error.fix) from None


def _reads(form: Format, container: str) -> bool:
    """Plain text has one column, `text`, as a table of that shape would."""
    return ("tsv" if container == "txt" else container) in form.containers


def _require_columns(path: Path, rows: Sequence[Row], columns: Columns, asked: Asked, *, complete: bool) -> None:
    """A column that no row has is one mistake, not a thousand bad rows."""
    names = names_in(rows)
    wanted = (("text", columns.text), ("target", columns.target), ("options", columns.options))
    for setting, column in wanted:
        if column is None or column in names or (setting == "target" and not asked.labelled):
            continue
        among = "" if complete else f" in the first {SAMPLE_ROWS} rows"
        near = get_close_matches(column, names, n=1)
        raise DataError(
            path,
            None,
            f"no column {column!r}{among}{suggest(column, names)} (columns: {', '.join(names) or 'none'})",
            fix=f'set data.{setting} = "{near[0] if near else "..."}"'
            + ("" if near else " to one of these")
            + f" (where the command has it: --{setting})",
        )


def _other_container(path: Path, name: str, form: Format, container: str) -> DataError:
    words = {
        "jsonl": "JSON lines",
        "json": "a JSON array",
        "csv": "CSV",
        "tsv": "TSV",
        "txt": "plain text",
        "conll": "tokens and tags",
        "xlsx": "an Excel workbook",
        "parquet": "Parquet",
    }
    expected = " or ".join(words[c] for c in words if c in form.containers)
    return DataError(
        path,
        None,
        f"this looks like {words[container]}; data.format = {name!r} expects {expected}",
        fix='set data.format = "auto", or name the right format',
    )


def _all_bad(path: Path, first: Sequence[Record]) -> DataError:
    """Not one of the first rows could be read as a row."""
    bad = first[0].bad
    assert bad is not None
    more = f" (and so are the {len(first) - 1} rows after it)" if len(first) > 1 else ""
    return DataError(path, first[0].line, f"{bad.reason}{more}", fix=bad.fix)
