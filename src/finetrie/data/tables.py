"""Tables as records: CSV, TSV and plain text, with or without a header line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from finetrie.data.encoding import Encoding
from finetrie.data.rows import BadRow, Record, undecodable
from finetrie.errors import DataError

SAMPLE_LINES = 500
MOST_RESTARTS = 100
"""Rows with an open quotation mark after which reading starts again; each costs as much as the rest of the file."""

LONGEST_FIELD = 2**31 - 1  # the largest that fits a C long everywhere
_DELIMITERS = ",;\t|"
_SENTENCE = frozenset("。，！？；：!?")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written down."""

    delimiter: str
    quoted: bool  # fields may stand in double quotes
    columns: tuple[str, ...]
    header: bool  # a line names the columns
    above: int = 0  # lines with a title above it, blank ones not counted


def table_layout(path: Path, encoding: Encoding, *, tabs: bool, known: Collection[str]) -> Layout:
    """Look at the first 500 lines: delimiter, quoting, and whether there is a header.

    The first line is a header when it holds a `known` column name (case does not matter). Otherwise a table of two
    columns has none when that line looks like data: one of its cells comes again below it in the same column, or
    it holds a sentence. Its columns are then called text (the longer one) and label. A table of one column has none
    when it begins with a conversation (`<s>`).

    Raises:
        DataError: the header names a column twice.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as lines:
        beginning = (line.lstrip("\ufeff").replace("\0", "") for line in islice(lines, SAMPLE_LINES))
        sample = [line for line in beginning if line.strip()]
    if not sample:
        raise DataError(path, None, "the file has no rows, only blank lines", fix="name the file that holds your data")
    first = next((line for line in sample if any(mark in line for mark in _DELIMITERS)), sample[0])
    delimiter = "\t" if tabs else max(_DELIMITERS, key=first.count)
    quoted = not tabs or _is_quoted(sample, delimiter)
    try:
        rows = _sample_rows(sample, delimiter, quoted)
    except csv.Error:  # the stray quote gets its line number when the file is read
        rows = _sample_rows(sample, delimiter, quoted=False)
    above = titles_above(rows, known)
    rows = rows[above:]
    header, columns = header_layout(rows, known)
    if header:
        if not encoding.clean and (bad := undecodable("".join(rows[0]), encoding.name)):
            raise DataError(path, 1 + above, f"in the header, {bad.reason}", fix=bad.fix)
        columns = column_names(path, rows[0], line=1 + above)
    return Layout(delimiter, quoted, columns, header=header, above=above)


def titles_above(rows: Sequence[Sequence[str]], known: Collection[str]) -> int:
    """How many of these rows are titles, as spreadsheets have them above a table: one cell, where most rows have more.

    A cell that names a known column is no title.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    if sum(count > 1 for count in filled) * 2 <= len(filled):
        return 0
    names = {name.casefold() for name in known}
    titles = 0
    for row, count in zip(rows, filled, strict=True):
        if count > 1 or any(cell.strip().casefold() in names for cell in row):
            break
        titles += 1
    return titles


def header_layout(rows: Sequence[Sequence[str]], known: Collection[str]) -> tuple[bool, tuple[str, ...]]:
    """Whether the first of these rows is a header, and what the columns are called if it is not."""
    if _is_header(rows, {name.casefold() for name in known}):
        return True, ()
    return False, ("text",) if len(rows[0]) == 1 else _two_columns(rows)


def column_names(path: Path, header: Sequence[str], *, line: int = 1) -> tuple[str, ...]:
    """Column names; one without a name, as data frames write for their index, is called by its number.

    Raises:
        DataError: a name stands there twice.
    """
    names = tuple(cell.strip() or f"column {i}" for i, cell in enumerate(header, start=1))
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(path, line, f"the header names {count} columns {name!r}", fix="give each a name of its own")
    return names


def table(path: Path, encoding: Encoding, layout: Layout) -> Iterator[Record]:
    """One record a row, cells as text, with the line the row begins on (quoted cells may hold line breaks).

    A quotation mark that is never closed, or is closed by the next cell's, makes its line a bad row; reading goes on
    with the line after it.

    Raises:
        DataError: more than `MOST_RESTARTS` such quotation marks, so that the quoting of the file means something else.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as stream:
        held: list[str] = []  # the lines of the row that is being read
        reader = _reader(_holding(stream, held), layout.delimiter, layout.quoted)
        before, restarts, skipped = 0, 0, layout.above + layout.header
        while True:
            line = before + reader.line_num + 1
            held.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(line, held[0].rstrip("\r\n"), _bad_quote(error))
                if len(held) > 1:
                    restarts += 1
                    if restarts > MOST_RESTARTS:
                        raise _never_closed(path, line) from None
                    again = chain(held[1:], stream)
                    reader, before = _reader(_holding(again, held), layout.delimiter, layout.quoted), line
                continue
            if line == 1 and cells:
                cells[0] = cells[0].lstrip("\ufeff")
            if not any(cell.strip() for cell in cells):
                continue
            if skipped:
                skipped -= 1
                continue
            yield _row(line, cells, layout, encoding)


def _holding(lines: Iterable[str], held: list[str]) -> Iterator[str]:
    for line in lines:
        held.append(line)
        yield line


def text_lines(path: Path, encoding: Encoding) -> Iterator[Record]:
    """A plain text file: every line that is not blank is a row with one column, `text`."""
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n").lstrip("\ufeff" if number == 1 else "")
            if text.strip():
                yield Record(number, {"text": text}, None if encoding.clean else undecodable(text, encoding.name))


def _reader(lines: Iterable[str], delimiter: str, quoted: bool) -> csv.Reader:  # type: ignore[name-defined]
    csv.field_size_limit(LONGEST_FIELD)
    if quoted:
        return csv.reader(lines, delimiter=delimiter, strict=True)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, quotechar=None)


def _row(line: int, cells: list[str], layout: Layout, encoding: Encoding) -> Record:
    names = layout.columns
    text = layout.delimiter.join(cells)
    bad = None if encoding.clean else undecodable(text, encoding.name)
    if bad is None and "\0" in text:
        bad = BadRow("nul_byte", "NUL bytes in the row: the file is damaged", fix="copy or export the file again")
    if len(cells) == len(names):
        return Record(line, dict(zip(names, cells, strict=True)), bad or repeated_header(cells, layout))
    if bad is None:
        bad = BadRow(
            "wrong_columns",
            f"{len(cells)} cells where there are {len(names)} columns ({', '.join(names)})",
            fix='put text that holds the delimiter between double quotes: "..."',
        )
    return Record(line, text, bad)


def repeated_header(cells: Sequence[object], layout: Layout) -> BadRow | None:
    """The complaint about a row that is the header again, as in files put together from several."""
    if not layout.header or [str(cell).strip() for cell in cells] != list(layout.columns):
        return None
    return BadRow("repeated_header", "the header stands here again", fix="delete the line")


def _bad_quote(error: csv.Error) -> BadRow:
    if "unexpected end of data" in str(error):
        return BadRow("open_quote", _NEVER_CLOSED, fix=_CLOSE_IT)
    return BadRow("bad_csv", f"not valid CSV: {error}", fix='write a quotation mark inside a quoted cell as ""')


_NEVER_CLOSED = "a quotation mark opens a cell and is never closed"
_CLOSE_IT = 'close it, or write it as "" inside a cell'


def _never_closed(path: Path, line: int) -> DataError:
    return DataError(path, line, f"{_NEVER_CLOSED}, as in {MOST_RESTARTS} rows before it", fix=_CLOSE_IT)


def _is_quoted(sample: Sequence[str], delimiter: str) -> bool:
    """Tab-separated files are mostly written without quoting; then a headline may begin with a quotation mark."""
    try:
        widths = {len(row) for row in _sample_rows(sample, delimiter, quoted=True)}
    except csv.Error:
        return False
    return len(widths) == 1


def _sample_rows(sample: Sequence[str], delimiter: str, quoted: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = _reader(sample, delimiter, quoted)
    try:
        rows.extend(row for row in reader if row)
    except csv.Error as error:
        if not rows or "unexpected end of data" not in str(error):  # the sample may end inside a cell
            raise
    return rows


def _is_header(rows: Sequence[Sequence[str]], known: Collection[str]) -> bool:
    first = rows[0]
    if any(cell.strip().casefold() in known for cell in first):
        return True
    if len(first) == 1:
        return not first[0].lstrip().startswith("<s>")  # a conversation, as some files hold them without a header
    if len(first) != 2:
        return True
    repeated = any(cell == row[i] for row in rows[1:] if len(row) == 2 for i, cell in enumerate(first))
    return not repeated and not any(_SENTENCE & set(cell) or len(cell) > 40 for cell in first)


def _two_columns(rows: Sequence[Sequence[str]]) -> tuple[str, str]:
    lengths = [sum(len(row[i]) for row in rows if len(row) == 2) for i in (0, 1)]
    return ("text", "label") if lengths[0] >= lengths[1] else ("label", "text")
