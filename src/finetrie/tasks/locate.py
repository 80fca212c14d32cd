"""From a model's words to offsets: where in the text does each mention stand?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from rapidfuzz import fuzz

from finetrie.records import Mention, Span
from finetrie.tasks.base import Ranges
from finetrie.tasks.graphemes import clusters
from finetrie.tasks.names import folded

Tier = Literal["cursor", "longest_first", "normalised", "fuzzy", "none"]
"""How a mention found its place; the earlier, the surer.

`cursor`         the next occurrence after the mention before it: exact when the answer follows the text
`longest_first`  an occurrence that is still free, longer mentions choosing first
`normalised`     equal only after folding of width, composition and case
`fuzzy`          similar, not equal: a spelling the text does not have
`none`           not in the text: invented by the model, or named more often than it occurs
"""

TIERS: tuple[Tier, ...] = get_args(Tier)

FUZZY_SCORE = 75.0
"""Least similarity of a fuzzy match, in percent: one wrong character in four."""

FUZZY_LENGTH = 4
"""Shorter mentions are not matched fuzzily: two of three characters of a Chinese name are another person."""


def locate(
    text: str, mentions: Sequence[Mention], *, within: Ranges | None = None
) -> tuple[tuple[Span, ...], tuple[Tier, ...]]:
    """Give mentions their offsets: `(spans, tiers)`.

    `tiers` has one entry a mention. `spans` has one entry for each mention whose tier is not `none`, in the
    order of the mentions, so an invented entity is counted and never scored as if it had a place.
    `within` limits matches to these ranges, such as the part of the text that the model has seen.

    Two mentions never take the same place with the same label. A place inside another mention's place is taken only
    where no free one is left, so nested entities are possible.

    >>> locate("Bonn, not Bonn", [Mention("Bonn", "LOC"), Mention("Bonn", "LOC"), Mention("Rome", "LOC")])[1]
    ('cursor', 'cursor', 'none')
    """
    board = _Board(text, within if within is not None else [(0, len(text))])
    placed: list[tuple[Span, Tier] | None] = [None] * len(mentions)
    cursor = 0
    for index, mention in enumerate(mentions):
        if (start := board.find(mention.surface, cursor)) is not None:
            cursor = start + len(mention.surface)
            placed[index] = board.take(start, cursor, mention.label), "cursor"

    longest_first = sorted(range(len(mentions)), key=lambda index: (-len(mentions[index].surface), index))
    for tier, candidates in _FALLBACKS:
        for index in longest_first:
            if placed[index] is None:
                mention = mentions[index]
                found = board.choose(candidates(board, mention.surface), mention.label)
                if found is not None:
                    placed[index] = board.take(*found, mention.label), tier
    spans = tuple(place[0] for place in placed if place is not None)
    tiers: tuple[Tier, ...] = tuple(place[1] if place is not None else "none" for place in placed)
    return spans, tiers


@dataclass
class _Board:
    """A text, and which places of it are taken."""

    text: str
    within: Ranges
    taken: list[Span] = field(default_factory=list)
    _folding: _Folding | None = None

    @property
    def folding(self) -> _Folding:
        if self._folding is None:  # most answers are placed without it
            self._folding = _Folding(self.text)
        return self._folding

    def take(self, start: int, end: int, label: str) -> Span:
        span = Span(start, end, label)
        self.taken.append(span)
        return span

    def find(self, surface: str, cursor: int) -> int | None:
        """The first occurrence at or after `cursor`."""
        if not surface:
            return None
        for start, end in self.within:
            found = self.text.find(surface, max(start, cursor), end)
            if found >= 0:
                return found
        return None

    def choose(self, candidates: Iterator[tuple[int, int]], label: str) -> tuple[int, int] | None:
        """The first candidate that overlaps nothing, else the first that is not taken under this label."""
        nested: tuple[int, int] | None = None
        for start, end in candidates:
            if not any(low <= start and end <= high for low, high in self.within):
                continue
            if not any(start < span.end and span.start < end for span in self.taken):
                return start, end
            if nested is None and Span(start, end, label) not in self.taken:
                nested = start, end
        return nested


class _Folding:
    """A text folded as by `names.folded`, with the way back to the original offsets.

    Folding changes lengths ("㍿" becomes four characters), so each folded character remembers the visible
    character it came from, and a match must begin and end at the edges of visible characters.
    """

    def __init__(self, text: str) -> None:
        pieces, self.starts, self.ends = [], dict[int, int](), dict[int, int]()
        length = 0
        for start, end in clusters(text):
            piece = folded(text[start:end])
            if piece:
                self.starts[length] = start
                length += len(piece)
                self.ends[length] = end
                pieces.append(piece)
        self.text = "".join(pieces)

    def original(self, start: int, end: int) -> tuple[int, int] | None:
        """Offsets in the original text, or None inside a visible character."""
        if start in self.starts and end in self.ends:
            return self.starts[start], self.ends[end]
        return None


def _exact(board: _Board, surface: str) -> Iterator[tuple[int, int]]:
    return _occurrences(board.text, surface)


def _normalised(board: _Board, surface: str) -> Iterator[tuple[int, int]]:
    for start, end in _occurrences(board.folding.text, folded(surface.strip())):
        original = board.folding.original(start, end)
        if original is not None:
            yield original


def _fuzzy(board: _Board, surface: str) -> Iterator[tuple[int, int]]:
    """The most similar stretch, trimmed of white space; at most one."""
    wanted = folded(surface.strip())
    if len(wanted) < FUZZY_LENGTH or len(wanted) > len(board.folding.text):
        return
    match = fuzz.partial_ratio_alignment(wanted, board.folding.text, score_cutoff=FUZZY_SCORE)
    if match is None or match.score < FUZZY_SCORE:
        return
    starts = [place for at, place in board.folding.starts.items() if match.dest_start <= at < match.dest_end]
    ends = [place for at, place in board.folding.ends.items() if match.dest_start < at <= match.dest_end]
    if starts and ends and starts[0] < ends[-1]:
        start, end = starts[0], ends[-1]
        found = board.text[start:end]
        start, end = start + len(found) - len(found.lstrip()), end - (len(found) - len(found.rstrip()))
        if start < end:
            yield start, end


def _occurrences(text: str, surface: str) -> Iterator[tuple[int, int]]:
    start = text.find(surface) if surface else -1
    while start >= 0:
        yield start, start + len(surface)
        start = text.find(surface, start + 1)


_FALLBACKS: tuple[tuple[Tier, Callable[[_Board, str], Iterator[tuple[int, int]]]], ...] = (
    ("longest_first", _exact),
    ("normalised", _normalised),
    ("fuzzy", _fuzzy),
)
