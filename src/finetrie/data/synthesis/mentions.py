"""Where the words of an entity stand in a text, letter by letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from finetrie.data.synthesis.recipe import Refused, shown
from finetrie.records import Mention, Span

Place = tuple[int, int]


def occurrences(text: str, surface: str, start: int = 0) -> Iterator[Place]:
    """Every place of `surface` at or after `start`, from the left; a Latin word is not found inside another one."""
    at = text.find(surface, start) if surface else -1
    while at >= 0:
        end = at + len(surface)
        if not _joined(text, at) and not _joined(text, end):
            yield at, end
        at = text.find(surface, at + 1)


def place(text: str, mentions: Sequence[Mention]) -> tuple[Span, ...] | Refused:
    """Give each mention a place of its own: `text[start:end]` is its surface. Spans come in text order.

    The next occurrence after the mention before it, which is exact for an answer in text order; then, for those left
    over, the longest first, a free occurrence, or one that lies inside a longer entity or around a shorter one.
    Refused as a whole when a surface is not in the text, or when only places are left that are taken or cross others.
    """
    spans: list[Span] = []
    later: list[Mention] = []
    cursor = 0
    for mention in mentions:
        found = next(occurrences(text, mention.surface, cursor), None)
        if found is None:
            later.append(mention)
            continue
        cursor = found[1]
        spans.append(Span(*found, mention.label))
    for mention in sorted(later, key=lambda mention: -len(mention.surface)):
        places = list(occurrences(text, mention.surface))
        if not places:
            return Refused("not_verbatim", f"{shown(mention.surface)} is not in the text")
        free = next((p for p in places if _fits(p, spans, nested=False)), None)
        free = free or next((p for p in places if _fits(p, spans, nested=True)), None)
        if free is None:
            return Refused("no_free_place", f"every place of {shown(mention.surface)} is taken by another entity")
        spans.append(Span(*free, mention.label))
    return tuple(sorted(spans, key=lambda span: (span.start, -span.end)))


def _fits(place: Place, spans: Sequence[Span], *, nested: bool) -> bool:
    """Whether a place lies apart from all spans or, if `nested`, within or around those it touches."""
    start, end = place
    for span in spans:
        apart = end <= span.start or span.end <= start
        inside = span.start <= start and end <= span.end
        around = start <= span.start and span.end <= end
        if not apart and not (nested and inside != around):
            return False
    return True


def _joined(text: str, at: int) -> bool:
    """Whether a border between characters would cut a word written with Latin letters or digits."""
    return 0 < at < len(text) and _wordlike(text[at - 1]) and _wordlike(text[at])


def _wordlike(character: str) -> bool:
    """Letters and digits of scripts that put spaces between words (as far as Latin, Greek and Cyrillic go)."""
    return character.isalnum() and character < "\u0530"
