"""What a file's reader hands on: one record a row, good or bad."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


class BadRow(Exception):
    """One row cannot be used: the rule it breaks, what was found, and what to do about it.

    Formats raise it; `read` collects it into one error or into `Rejection`s.
    """

    def __init__(self, rule: str, reason: str, *, fix: str = "") -> None:
        super().__init__(reason)
        self.rule, self.reason, self.fix = rule, reason, fix

    def __str__(self) -> str:
        return f"{self.reason} (fix: {self.fix})" if self.fix else self.reason


@dataclass(frozen=True, slots=True)
class Record:
    """One row as the file holds it, before a format has looked at it."""

    line: int  # where it begins, counted from 1
    value: Any  # usually an object; the raw text where `bad` says that it could not be read
    bad: BadRow | None = None


def undecodable(text: str, encoding: str) -> BadRow | None:
    """The complaint about a line that holds bytes outside the encoding (decoded with `surrogateescape`)."""
    found = _ESCAPED_BYTE.search(text)
    if found is None:
        return None
    byte = ord(found.group()) - 0xDC00
    return BadRow(
        "bad_encoding",
        f"byte 0x{byte:02x} at character {found.start() + 1} is not {encoding}",
        fix="save the file as UTF-8, or name its encoding in data.encoding",
    )


def storable(value: Any) -> Any:
    """`value` if it can be written as UTF-8 JSON; otherwise its text with what cannot be written escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True)
    return value
