"""JSON files as records: one object a line, or one array of objects. Both are read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from finetrie.data.encoding import Encoding
from finetrie.data.rows import BadRow, Record, undecodable
from finetrie.errors import DataError

BLOCK = 1 << 20
LONGEST_WORD = len("\\ud83d\\ude00")
"""Characters of JSON that mean something only together."""

SHOWN = 1000
"""Characters kept of a row behind which nothing can be read."""

_SPACE = " \t\r\n\ufeff"
_INVALID = "not valid JSON"


def json_lines(path: Path, encoding: Encoding) -> Iterator[Record]:
    r"""One record a line; blank lines are skipped and counted.

    Lines end at LF only: real files hold U+2028 and U+0085 inside strings, at which `str.splitlines` would cut.

    Raises:
        DataError: the first row is one JSON value spread over several lines.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as lines:
        first = True
        for number, line in enumerate(lines, start=1):
            line = line.lstrip("\ufeff") if number == 1 else line
            if not line.strip():
                continue
            bad = None if encoding.clean else undecodable(line, encoding.name)
            record = Record(number, line.rstrip("\r\n"), bad) if bad else _line(number, line)
            if first and record.bad and line.rstrip().endswith(("{", "[")):
                raise DataError(
                    path,
                    number,
                    "a JSON value that goes on over several lines; expected one object a line, or an array of objects",
                    fix="put each row on a line of its own, or all rows between [ and ]",
                )
            first = False
            yield record


def _line(number: int, line: str) -> Record:
    text = line.rstrip("\r\n")
    try:
        value = json.loads(text)
    except RecursionError:
        return Record(number, text, BadRow("bad_json", "JSON nested too deeply to be a row"))
    except ValueError as error:  # JSONDecodeError, and integers of more than 4,300 digits
        return Record(number, text, _complaint(error, text, cut=not line.endswith("\n")))
    return Record(number, value, _object(value) or _half_characters(value, text))


def _complaint(error: ValueError, text: str, *, cut: bool) -> BadRow:
    """Name the usual causes of a line that is not JSON."""
    if "\0" in text:
        return BadRow("bad_json", "NUL bytes in the row: the file is damaged", fix="copy or export the file again")
    if cut and text.lstrip().startswith("{") and not text.rstrip().endswith("}"):
        return BadRow(
            "truncated", "the file ends in the middle of this row", fix="copy the file again, or delete its last line"
        )
    return BadRow("bad_json", f"{_INVALID}: {error}", fix="each line must be one JSON object, as json.dumps writes it")


def _object(value: Any) -> BadRow | None:
    if isinstance(value, dict):
        return None
    return BadRow(
        "not_an_object",
        f"expected a JSON object, got {kind_of(value)}",
        fix='write rows as {"text": ..., "label": ...}',
    )


def _half_characters(value: Any, text: str) -> BadRow | None:
    r"""A `\ud83d` without its other half is no character: nothing could write the row again."""
    if "\\ud" not in text and "\\uD" not in text:
        return None
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return BadRow(
            "bad_unicode",
            "half of a surrogate pair (such as \\ud83d) stands alone",
            fix="export the row again as UTF-8",
        )
    return None


def kind_of(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def json_array(path: Path, encoding: Encoding) -> Iterator[Record]:
    """One record an element of the file's array, with the line it begins on; holds one block of text at a time.

    Where the array breaks off or is no JSON any more, the last record is a bad row that says so: the rows before it are
    good, and where the next row begins cannot be known.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as stream:
        window = _Window(stream)
        try:
            yield from _elements(window, encoding)
        except _BrokenOff as broken:
            yield Record(window.line, window.ahead(), broken.bad)


def _elements(window: _Window, encoding: Encoding) -> Iterator[Record]:
    window.expect("[")
    if window.peek() == "]":
        window.expect("]")
    else:
        while True:
            window.peek()
            line, text, value = window.value()
            bad = None if encoding.clean else undecodable(text, encoding.name)
            yield Record(line, value, bad or _object(value) or _half_characters(value, text))
            if window.expect(",", "]") == "]":
                break
    if rest := window.peek():
        raise _BrokenOff("bad_json", f"{rest!r} after the end of the array")


class _BrokenOff(Exception):
    """Nothing behind this place can be read."""

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.bad = BadRow(rule, f"{problem}; the rows after it cannot be read", fix="export the file again as JSON")


class _Window:
    """A moving view of a JSON text: decodes one value at a time and forgets what lies behind."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.text, self.at, self.line = "", 0, 1
        self.ended = False
        self.decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is not white space, without taking it; "" at the end."""
        while True:
            while self.at < len(self.text):
                char = self.text[self.at]
                if char not in _SPACE:
                    return char
                self.line += char == "\n"
                self.at += 1
            if not self.more():
                return ""

    def more(self, size: int = BLOCK) -> bool:
        """Read on, and drop what has been taken."""
        block = "" if self.ended else self.stream.read(size)
        self.ended = not block
        self.text, self.at = self.text[self.at :] + block, 0
        return bool(block)

    def expect(self, *wanted: str) -> str:
        found = self.peek()
        if found not in wanted or not found:
            rule, what = ("bad_json", repr(found)) if found else ("truncated", "the end of the file, which is cut off")
            raise _BrokenOff(rule, f"expected {' or '.join(wanted)}, got {what}")
        self.at += 1
        return found

    def value(self) -> tuple[int, str, Any]:
        """The next value, its text and the line it begins on; reads twice as far each time it is incomplete."""
        size = BLOCK
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
            except RecursionError:
                raise _BrokenOff("bad_json", "JSON nested too deeply to be a row") from None
            except ValueError as error:
                behind = len(self.text) - getattr(error, "pos", 0)
                cut = behind <= 0 or str(error).startswith("Unterminated")
                # A word or an escape that is cut is called wrong where it begins.
                if not ((cut or behind <= LONGEST_WORD) and self.more(size)):
                    said = str(error.args[0]).split(": line")[0]
                    if cut:
                        raise _BrokenOff("truncated", f"the file ends in the middle of a row: {said}") from None
                    raise _BrokenOff("bad_json", f"{_INVALID}: {said}") from None
            else:
                if end < len(self.text) or not self.more(size):
                    text, line = self.text[self.at : end], self.line
                    self.line += text.count("\n")
                    self.at = end
                    return line, text, value
            size *= 2

    def ahead(self) -> str:
        """The beginning of what has not been taken."""
        return self.text[self.at : self.at + SHOWN]
