"""Excel workbooks as records: the first sheet that holds anything, a row at a time."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from finetrie.data.extras import optional
from finetrie.data.parquet import as_json_value
from finetrie.data.rows import BadRow, Record
from finetrie.data.tables import SAMPLE_LINES, Layout, column_names, header_layout, repeated_header, titles_above
from finetrie.errors import DataError

LONGEST_CELL = 32_767
"""Characters; Excel cuts what is longer."""

LAST_ROW = 1_048_576

_DAMAGE = (BadZipFile, zlib.error, ParseError, EOFError, OSError, KeyError, ValueError, TypeError, NotImplementedError)
"""What openpyxl and the libraries below it raise for a workbook with other bytes than were written."""

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def sheet_layout(path: Path, *, known: Collection[str]) -> tuple[Layout, tuple[str, ...]]:
    """The columns of a workbook, found as a table's are, and notices about what is not read.

    Raises:
        DataError: the workbook is damaged or empty, or its header names a column twice.
    """
    with _sheet(path) as (sheet, others):
        numbered = list(islice(_rows(sheet), SAMPLE_LINES))
    if not numbered:
        raise DataError(path, None, "the workbook has no rows", fix="name the file that holds your data")
    sample = [[_text(cell) for cell in cells] for _, cells in numbered]
    above = titles_above(sample, known)
    header, columns = header_layout(sample[above:], known)
    if header:
        columns = column_names(path, sample[above], line=numbered[above][0])
    notices = (f"{path.name}: read from the first sheet with rows; not read: {', '.join(others)}",) if others else ()
    return Layout("", quoted=False, columns=tuple(columns), header=header, above=above), notices


def sheet_rows(path: Path, layout: Layout) -> Iterator[Record]:
    """One record a row that is not blank, with its number in the sheet; empty cells are None."""
    with _sheet(path) as (sheet, _):
        rows = _rows(sheet)
        for number, cells in islice(rows, layout.above + layout.header, None):
            yield _record(number, cells, layout)


def _record(number: int, cells: Sequence[Any], layout: Layout) -> Record:
    names = layout.columns
    if len(cells) > len(names):
        found = [_value(cell) for cell in cells]
        bad = BadRow(
            "wrong_columns",
            f"{len(cells)} cells where there are {len(names)} columns ({', '.join(names)})",
            fix="give each column a name in the first row, or delete the cell",
        )
        return Record(number, found, bad)
    filled = [*cells, *[None] * (len(names) - len(cells))]
    value = {name: _value(cell) for name, cell in zip(names, filled, strict=True)}
    return Record(number, value, repeated_header(cells, layout))


@contextmanager
def _sheet(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """The first sheet with a row, and the names of the others that have one."""
    openpyxl = optional("openpyxl", path=path, what="an Excel workbook")
    with path.open("rb") as stream:  # by its path, openpyxl would judge it by its suffix
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions, which hold no rows
                workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except _DAMAGE as error:
            raise _damaged(path, error) from None
        try:
            sheets = [sheet for sheet in workbook.worksheets if next(_rows(sheet), None) is not None]
            if not sheets:
                raise DataError(path, None, "the workbook has no rows", fix="name the file that holds your data")
            yield sheets[0], [sheet.title for sheet in sheets[1:]]
        except DataError:
            raise
        except _DAMAGE as error:
            raise _damaged(path, error) from None
        finally:
            workbook.close()


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        path, None, f"the workbook is damaged: {error}", fix="save it again as .xlsx, or export it as CSV (UTF-8)"
    )


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of each row that is not blank, without the empty cells at its end."""
    sheet.reset_dimensions()  # some programs write a wrong size, at which reading would stop
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = list(values)
        while cells and (cells[-1] is None or (isinstance(cells[-1], str) and not cells[-1].strip())):
            cells.pop()
        if cells:
            yield number, cells


def _text(cell: Any) -> str:
    return "" if cell is None else str(_value(cell))


def _value(cell: Any) -> Any:
    """A cell as JSON would hold it. Excel keeps days as midnights, and what XML cannot hold as `_x000D_`."""
    if isinstance(cell, str):
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell)
    if isinstance(cell, datetime) and cell.time() == time():
        cell = cell.date()
    return as_json_value(cell)
