"""What changed in a text, so that entity offsets can follow it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from finetrie.records import Span


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """`text[start:end]` becomes `new`; code points of the text before any edit. Empty ranges insert."""

    start: int
    end: int
    new: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made. `edits` must be in order and must not overlap.

    Raises:
        ValueError: they overlap, or lie outside the text.
    """
    parts, position = [], 0
    for edit in edits:
        if not position <= edit.start <= edit.end <= len(text):
            raise ValueError(f"{edit} overlaps the edit before it, or lies outside the text of {len(text)} characters")
        parts += [text[position : edit.start], edit.new]
        position = edit.end
    return "".join([*parts, text[position:]])


def rebase(spans: Iterable[Span], edits: Sequence[Edit]) -> list[Span | None]:
    """Where each span stands after the edits; None where an edit destroyed it.

    An edit inside a span changes its words, and the span stays around them. An edit across one of its borders
    destroys it, because nobody can say which of the new characters are the entity's, unless the edit has as many
    characters as before: then they correspond one to one. What is inserted at a border stays outside. A span of which
    nothing is left is destroyed.
    """
    return [_moved(span, edits) for span in spans]


def difference(before: str, after: str) -> tuple[Edit, ...]:
    """Edits of the fewest characters that turn one text into the other, for changes made by a library."""
    return tuple(
        Edit(code.src_start, code.src_end, after[code.dest_start : code.dest_end])
        for code in Levenshtein.opcodes(before, after)
        if code.tag != "equal"
    )


def _moved(span: Span, edits: Sequence[Edit]) -> Span | None:
    shift = grown = 0
    start, end = span.start, span.end
    for edit in edits:
        change = len(edit.new) - (edit.end - edit.start)
        if edit.end <= start:
            shift += change
        elif edit.start >= end:
            break
        elif start <= edit.start and edit.end <= end:
            grown += change
        elif change:
            return None
    moved = Span(start + shift, end + shift + grown, span.label)
    return moved if moved.start < moved.end else None
