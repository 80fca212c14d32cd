"""A text with its entities marked, as pieces that a template can escape."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from finetrie.records import Span

AROUND = 60
"""Characters shown on both sides of an entity in a long text."""

WHOLE = 400
"""Texts up to this many characters are shown whole."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text and what it is: `kind` is "" outside entities; `labels` names the entities that start here."""

    text: str
    kind: str = ""
    labels: tuple[str, ...] = ()


def mark(text: str, spans: Iterable[tuple[Span, str]], *, focus: Collection[Span] = ()) -> list[Piece]:
    """Cut `text` at the borders of its entities.

    Nested entities are drawn as one after the other: each piece has the kind of the innermost entity.
    A long text is shown around its `focus` only; what is left out becomes a piece of kind "gap".

    Args:
        spans: entities with the kind each is to be marked as.
        focus: entities that must be seen, of this and of the text's other marking.
    """
    entities = [(s, kind) for s, kind in spans if 0 <= s.start < s.end <= len(text)]
    windows = _windows(text, focus)
    borders = {b for s, _ in entities for b in (s.start, s.end)} | {b for window in windows for b in window}
    pieces: list[Piece] = []
    position = 0
    for low, high in windows:
        if low > position:
            pieces.append(Piece("", "gap"))
        inside = sorted(b for b in borders if low <= b <= high)
        pieces += [_piece(text, a, b, entities) for a, b in pairwise(inside)]
        position = high
    if position < len(text):
        pieces.append(Piece("", "gap"))
    return pieces


def _piece(text: str, start: int, end: int, entities: list[tuple[Span, str]]) -> Piece:
    covering = [(s, kind) for s, kind in entities if s.start <= start and end <= s.end]
    if not covering:
        return Piece(text[start:end])
    innermost = min(covering, key=lambda item: item[0].end - item[0].start)
    return Piece(text[start:end], innermost[1], tuple(s.label for s, _ in covering if s.start == start))


def _windows(text: str, focus: Collection[Span]) -> list[tuple[int, int]]:
    """The parts of a text that are shown, in order and apart from each other."""
    if len(text) <= WHOLE:
        return [(0, len(text))]
    wanted = sorted((max(0, s.start - AROUND), min(len(text), s.end + AROUND)) for s in focus) or [(0, WHOLE)]
    merged = [wanted[0]]
    for low, high in wanted[1:]:
        if low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return [(low, high) for low, high in merged if low < high]
