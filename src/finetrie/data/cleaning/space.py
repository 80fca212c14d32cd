"""Steps for line breaks and white space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finetrie.data.cleaning import STEPS
from finetrie.data.edits import Edit
from finetrie.errors import ConfigError

_BREAK = "(?:\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])"
_BLANK = "[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_BREAKS = re.compile(f"{_BREAK}(?:{_BLANK}*{_BREAK})*")
_ONE_BREAK = re.compile(_BREAK)
_BLANKS = re.compile(f"{_BLANK}+")
_LINE_ENDS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
_CJK = re.compile(
    "[\u3001-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffef\U00020000-\U0003ffff]"
)


@STEPS.register("line_breaks")
@dataclass(frozen=True, slots=True)
class LineBreaks:
    """Every kind of line break becomes a line feed, and more than `most` in a row become `most`.

    Lines that hold only blanks count as empty. Kinds: CR LF, CR, VT, FF, U+0085, U+2028, U+2029.
    """

    most: int = 2

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ConfigError(f"line_breaks: most must be 1 or more, got {self.most}", fix="correct the value")

    def __call__(self, text: str) -> tuple[Edit, ...]:
        return tuple(edit for run in _BREAKS.finditer(text) for edit in self._run(text, run.start(), run.end()))

    def _run(self, text: str, start: int, end: int) -> Iterator[Edit]:
        for number, found in enumerate(_ONE_BREAK.finditer(text, start, end), start=1):
            if found.group() == "\r\n":
                yield Edit(found.start(), found.start() + 1, "")
            elif found.group() != "\n":
                yield Edit(found.start(), found.end(), "\n")
            if number == self.most:
                yield from (Edit(place, place + 1, "") for place in range(found.end(), end))
                return


@STEPS.register("white_space")
@dataclass(frozen=True, slots=True)
class WhiteSpace:
    """Runs of blanks become one space; those at the ends of lines, and white space at the ends of the text, go.

    Blanks are the space, the tab and Unicode's other spaces, U+3000 and U+00A0 among them. Line breaks stay. Indented
    code loses its indent.

    Args:
        between_cjk: False removes blanks between two Chinese or Japanese characters or signs, as scans and PDF files
            leave them; between a Chinese and a Latin word they stay.
    """

    between_cjk: bool = True

    def __call__(self, text: str) -> tuple[Edit, ...]:
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())
        if first >= last:
            return tuple(_narrowed(text, 0, len(text), ""))
        edits = list(_narrowed(text, 0, first, ""))
        for run in _BLANKS.finditer(text, first, last):
            edits += _narrowed(text, run.start(), run.end(), self._instead(text[run.start() - 1], text[run.end()]))
        return (*edits, *_narrowed(text, last, len(text), ""))

    def _instead(self, left: str, right: str) -> str:
        if left in _LINE_ENDS or right in _LINE_ENDS:
            return ""
        return "" if not self.between_cjk and _CJK.match(left) and _CJK.match(right) else " "


def _narrowed(text: str, start: int, end: int, new: str) -> Iterator[Edit]:
    """A run becomes `new`, one character or none: an edit a character, so that none crosses an entity's border."""
    for place in range(start, end):
        if text[place] != new:
            yield Edit(place, place + 1, new)
        new = ""
