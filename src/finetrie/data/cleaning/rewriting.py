"""How steps find their edits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rapidfuzz.distance import Levenshtein

from finetrie.data.edits import Edit, difference

PIECE = 2000
"""Characters of a text that a library rewrites at a time: comparing before with after costs their product."""


def replaced(pattern: re.Pattern[str], text: str, new: str | Callable[[str], str]) -> tuple[Edit, ...]:
    """One edit for each match that changes."""
    found = ((match, new if isinstance(new, str) else new(match.group())) for match in pattern.finditer(text))
    return tuple(Edit(match.start(), match.end(), after) for match, after in found if after != match.group())


def rewritten(text: str, rewrite: Callable[[str], str], boundary: re.Pattern[str]) -> tuple[Edit, ...]:
    """The edits of a library's function, found line by line, and piece by piece in long lines.

    Args:
        boundary: matches, without width, where a line of more than `PIECE` characters may be cut.
    """
    edits: list[Edit] = []
    for start, end in _pieces(text, boundary):
        before = text[start:end]
        edits += [Edit(start + edit.start, start + edit.end, edit.new) for edit in _edits(before, rewrite(before))]
    return tuple(edits)


def _edits(before: str, after: str) -> tuple[Edit, ...]:
    """Place by place where that is as good as any other way; equal lengths alone can hide a shift in between."""
    if before == after:
        return ()
    differing = sum(old != new for old, new in zip(before, after, strict=False))
    if len(before) == len(after) and differing == Levenshtein.distance(before, after):
        return one_to_one(before, after)
    return difference(before, after)


def one_to_one(before: str, after: str) -> tuple[Edit, ...]:
    """An edit for each run of other characters, between texts whose characters correspond place by place."""
    if before == after:
        return ()
    edits, start = [], None
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            if start is not None:
                edits.append(Edit(start, place, after[start:place]))
            start = None
        elif start is None:
            start = place
    if start is not None:
        edits.append(Edit(start, len(before), after[start:]))
    return tuple(edits)


def _pieces(text: str, boundary: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Ranges that cover a text: its lines, and parts of long lines, cut at the last boundary or else anywhere."""
    start = 0
    while start < len(text):
        line_end = text.find("\n", start, start + PIECE)
        end = line_end + 1 if line_end >= 0 else min(start + PIECE, len(text))
        if line_end < 0 and end < len(text):
            end = next((place for place in range(end, start, -1) if boundary.match(text, place)), end)
        yield start, end
        start = end
