"""Entity offsets, verified against the words they should cover, and repaired when a whole file counts differently.

Inside the project offsets are half-open Unicode code points. Files also count UTF-16 code units (JavaScript tools),
include the last character, or start at one. A file's unit is recognised from the rows that repeat the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetrie.data.formats.base import Marked
from finetrie.data.rows import BadRow
from finetrie.records import Span


@dataclass(frozen=True, slots=True)
class Unit:
    """A way to count characters."""

    name: str
    utf16: bool = False  # count code units: a character beyond the basic plane is two
    first: int = 0  # added to the start
    last: int = 0  # added to the end

    def place(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """`start` and `end` as half-open code points; None where no characters are meant."""
        start, end = start + self.first, end + self.last
        if self.utf16 and not is_basic(text):
            index = _code_points(text)
            if not 0 <= start < end < len(index) or index[start] < 0 or index[end] < 0:
                return None
            return index[start], index[end]
        return (start, end) if 0 <= start < end <= len(text) else None


CODE_POINTS = Unit("half-open code points")
UNITS = (
    CODE_POINTS,
    Unit("UTF-16 code units", utf16=True),
    Unit("code points with inclusive ends", last=1),
    Unit("code points with exclusive ends", last=-1),  # where the format's ends should be inclusive
    Unit("UTF-16 code units with inclusive ends", utf16=True, last=1),
    Unit("code points counted from one, ends inclusive", first=-1),
    Unit("code points counted from one, ends exclusive", first=-1, last=-1),
)


def is_basic(text: str) -> bool:
    """Whether code points and UTF-16 code units agree: every character is in the basic plane."""
    return text.isascii() or max(text, default="") <= "\uffff"


def verifies(text: str, marked: Iterable[Marked], unit: Unit = CODE_POINTS) -> bool:
    """Whether every entity lies in the text and, where its words are given, covers them."""
    for entity in marked:
        place = unit.place(text, entity.start, entity.end)
        if place is None or (entity.surface is not None and text[place[0] : place[1]] != entity.surface):
            return False
    return True


def is_settled(text: str, marked: Sequence[Marked]) -> bool:
    """Whether a row needs no other row to be understood: words given, verified, and no unit could read it otherwise."""
    return verifies(text, marked) and is_basic(text) and all(entity.surface is not None for entity in marked)


def unit_of(rows: Sequence[tuple[str, tuple[Marked, ...]]], *, settled: bool) -> Unit:
    """The unit a file counts in, judged by its rows that are not settled.

    Another unit than ours is taken only if every row that fails in ours verifies in it, at least one of these gives
    its words, no row that verified stops to, and, when `settled` rows with entities exist, it reads those the same
    way (which only UTF-16 does).
    """
    failing = [(text, marked) for text, marked in rows if not verifies(text, marked)]
    if not any(entity.surface is not None for _, marked in failing for entity in marked):
        return CODE_POINTS
    for unit in UNITS[1:]:
        shifted = unit.first or unit.last
        if not (settled and shifted) and all(verifies(text, marked, unit) for text, marked in rows):
            return unit
    return CODE_POINTS


def spans(text: str, marked: Sequence[Marked], unit: Unit = CODE_POINTS) -> tuple[tuple[Span, ...], int]:
    """The row's entities in text order, and how many exact duplicates were left out. Nested entities stay.

    Raises:
        BadRow: an entity lies outside the text or does not cover the words it names.
    """
    placed: list[Span] = []
    for entity in marked:
        place = unit.place(text, entity.start, entity.end)
        if place is None:
            raise _outside(text, entity)
        if entity.surface is not None and text[place[0] : place[1]] != entity.surface:
            raise _mismatch(text, entity, place)
        placed.append(Span(*place, entity.label))
    unique = sorted(set(placed))
    return tuple(unique), len(placed) - len(unique)


def _outside(text: str, entity: Marked) -> BadRow:
    what = f"the entity {entity.label} [{entity.start}, {entity.end})"
    if entity.start >= entity.end:
        return BadRow(
            "bad_offsets", f"{what} is empty", fix="ends are exclusive: add 1 if yours include the last character"
        )
    return BadRow("bad_offsets", f"{what} lies outside the text of {len(text)} characters", fix="correct its offsets")


def _mismatch(text: str, entity: Marked, place: tuple[int, int]) -> BadRow:
    found = text[place[0] : place[1]]
    at = text.find(entity.surface or "")
    hint = f"{entity.surface!r} stands at [{at}, {at + len(entity.surface or '')})" if at >= 0 else "correct the words"
    return BadRow(
        "bad_offsets",
        f"the entity {entity.label} [{entity.start}, {entity.end}) covers {found!r}, not {entity.surface!r}",
        fix=f"correct its offsets: {hint}" if at >= 0 else f"{entity.surface!r} does not occur in the text: {hint}",
    )


def _code_points(text: str) -> list[int]:
    """For each UTF-16 offset its code-point offset; -1 inside a surrogate pair."""
    index: list[int] = []
    for position, char in enumerate(text):
        index += [position, -1] if char > "\uffff" else [position]
    return [*index, len(text)]
