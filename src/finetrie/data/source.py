"""A path becomes a source of records: it exists, and it is JSON, a table, tokens with tags, or plain text."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from finetrie.data.encoding import HEAD, Encoding, find_encoding
from finetrie.data.excel import sheet_layout, sheet_rows
from finetrie.data.jsons import json_array, json_lines
from finetrie.data.parquet import parquet_rows
from finetrie.data.rows import Record
from finetrie.data.tables import Layout, table, table_layout, text_lines
from finetrie.data.tokens import looks_like_tokens, token_lines
from finetrie.errors import DataError, suggest

DATA_SUFFIXES = (
    *(".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".tab", ".txt", ".xlsx", ".parquet"),
    *(".conll", ".bio", ".bmes", ".bioes", ".iob"),
)

_BINARY = (  # how files begin that people have and we do not read, and what to do with them
    (b"PK\x03\x04", "an Excel workbook that is damaged, or another zip archive", "export it as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file, or one with a password", "save it as .xlsx or CSV (UTF-8)"),
    (b"ARROW1", "an Arrow file", "export it as CSV or JSONL"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first: gunzip"),
    (b"BZh", "a bzip2 archive", "unpack it first: bunzip2"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first: unxz"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF document", "export its rows as CSV or JSONL"),
    (b"\x89PNG", "an image", "export its rows as CSV or JSONL"),
    (b"\xff\xd8\xff", "an image", "export its rows as CSV or JSONL"),
    (b"\x80\x04", "a Python pickle, which is never loaded", "export it as CSV or JSONL"),
    (b"\x80\x05", "a Python pickle, which is never loaded", "export it as CSV or JSONL"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A readable file: how its rows are written, and what was found out by looking."""

    path: Path
    container: str  # "jsonl", "json" (an array), "csv", "tsv", "txt", "conll", "xlsx" or "parquet"
    encoding: Encoding
    layout: Layout | None = None  # of a table
    notices: tuple[str, ...] = ()


def open_source(
    path: Path | str, *, encoding: str = "auto", container: str | None = None, known: Collection[str] = ()
) -> Source:
    """Find out how a file is written.

    Args:
        encoding: a name, or "auto".
        container: "csv", "tsv" or "conll" when the user says so (JSON may hold tokens, too); None: by the file's
            suffix and its beginning.
        known: column names that show that the first line of a table is a header.

    Raises:
        DataError: the file is missing, a folder, empty, binary, or in an encoding that cannot be told.
    """
    path = Path(path)
    head = _head(path)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe"):
        raise DataError(path, None, "the file is empty", fix="name the file that holds your data")
    if len(head) < HEAD and not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise DataError(path, None, "the file has no rows, only blank lines", fix="name the file that holds your data")
    if head.startswith(b"PAR1"):
        return Source(path, "parquet", Encoding("utf-8"))
    if _is_workbook(path, head):
        sheet, said = sheet_layout(path, known=known)
        return Source(path, "xlsx", Encoding("utf-8"), sheet, (*said, *_about(path, sheet)))
    found = find_encoding(path, encoding)
    if container not in ("csv", "tsv"):
        seen = _container(path, found)
        container = "conll" if container == "conll" and seen in ("txt", "csv", "tsv") else seen
    notices = [found.notice] if found.notice else []
    layout = None
    if container in ("csv", "tsv"):
        layout = table_layout(path, found, tabs=container == "tsv", known=known)
        notices += _about(path, layout)
    return Source(path, container, found, layout, tuple(notices))


def records(source: Source) -> Iterator[Record]:
    """All rows of a file in order, good and bad; blank lines are not rows. Memory does not grow with the file.

    Raises:
        DataError: the file breaks off in a way that hides where the next row begins.
    """
    path, encoding = source.path, source.encoding
    if source.container == "parquet":
        rows = parquet_rows(path)
    elif source.layout is not None:
        rows = sheet_rows(path, source.layout) if source.container == "xlsx" else table(path, encoding, source.layout)
    else:
        readers = {"jsonl": json_lines, "json": json_array, "txt": text_lines, "conll": token_lines}
        rows = readers[source.container](path, encoding)
    try:
        yield from rows
    except UnicodeDecodeError as error:  # what surrogateescape cannot carry
        raise DataError(
            path, None, f"not valid {encoding.name}: {error.reason}", fix="save the file as UTF-8"
        ) from None


def _head(path: Path) -> bytes:
    """The file's first bytes, or the reason why there is nothing to read."""
    try:
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in DATA_SUFFIXES)
            listing = f"; it holds {', '.join(inside[:8])}" if inside else ""
            raise DataError(path, None, f"this is a folder, expected a file{listing}", fix="name one file")
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        hint = suggest(path.name, beside) if beside else ""
        raise DataError(path, None, f"no such file{hint}", fix="correct the path") from None
    except OSError as error:
        raise DataError(path, None, f"cannot be read: {error.strerror or error}", fix="check its permissions") from None
    if head.startswith(b"PAR1") or _is_workbook(path, head):
        return head
    for begin, what, remedy in _BINARY:
        if head.startswith(begin):
            raise DataError(path, None, f"this is {what}, which is not yet a supported format", fix=remedy)
    if head.count(0) * 10 > len(head) and not _could_be_utf16(head):
        raise DataError(path, None, "this is a binary file, not text", fix="export your rows as CSV or JSONL")
    return head


def _is_workbook(path: Path, head: bytes) -> bool:
    """A zip archive with a workbook in it, whatever the file is called."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (BadZipFile, NotImplementedError, ValueError):
        return False


def _about(path: Path, layout: Layout) -> list[str]:
    """What was taken for granted about a table."""
    said = []
    if layout.above:
        said.append(f"{path.name}: {layout.above} rows above the table are taken for its title and not read")
    if not layout.header:
        said.append(f"{path.name}: no header line; the columns are taken as {' and '.join(layout.columns)}")
    return said


def _could_be_utf16(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[:4] == b"\0\0\xfe\xff":
        return True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return min(even, odd) * 20 <= max(even, odd)


def _container(path: Path, encoding: Encoding) -> str:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in (".conll", ".bio", ".bmes", ".bioes", ".iob"):
        return "conll"
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as stream:
        begin = stream.read(HEAD)
    if looks_like_tokens(begin if len(begin) < HEAD else begin.rpartition("\n")[0]):
        return "conll"
    if suffix in (".tsv", ".tab"):
        return "tsv"
    begin = begin.lstrip("\ufeff \t\r\n")
    if begin.startswith("["):
        after = begin[1:].lstrip()
        if after[:1] in ("{", "]", "") or suffix == ".json":
            return "json"
    if begin.startswith("{") or suffix in (".jsonl", ".ndjson", ".json"):
        return "jsonl"
    lines = [line for line in islice(begin.split("\n"), 50) if line.strip()]
    if len({line.count("\t") for line in lines}) == 1 and "\t" in lines[0]:
        return "tsv"
    if suffix != ".txt" and len({line.count(",") for line in lines}) == 1 and "," in lines[0]:
        return "csv"
    return "txt"
