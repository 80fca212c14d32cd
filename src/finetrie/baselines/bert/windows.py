"""Texts as the encoder reads them: tokens with places, and labels of tokens as entities and back.

A text that is longer than the encoder reads is cut for classification, which is recorded, and read in overlapping
windows for entities, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetrie.records import Span

Place = tuple[int, int]
"""Where a token stands in its text; (0, 0) for the encoder's own marks."""

OUTSIDE = 0
IGNORED = -100


@dataclass(frozen=True)
class Window:
    """A stretch of a text as tokens."""

    text: int  # which text
    ids: tuple[int, ...]
    places: tuple[Place, ...]


def beginnings(tokenizer: Any, texts: Sequence[str], *, longest: int) -> list[Window]:
    """One window a text: all of it, or as much of its beginning as fits."""
    encoded = tokenizer(list(texts), truncation=True, max_length=longest, return_offsets_mapping=True)
    pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [Window(i, tuple(ids), tuple(map(tuple, places))) for i, (ids, places) in enumerate(pairs)]


def windows(tokenizer: Any, texts: Sequence[str], *, longest: int) -> list[Window]:
    """Windows that cover each text, each sharing half of its tokens with the next."""
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=longest,
        stride=max(0, (longest - tokenizer.num_special_tokens_to_add()) // 2),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows = zip(encoded["overflow_to_sample_mapping"], encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [Window(int(text), tuple(ids), tuple(map(tuple, places))) for text, ids, places in rows]


def read_to(window: Window) -> int:
    """Where in its text a window ends."""
    return max((end for _, end in window.places), default=0)


def flat(spans: Sequence[Span]) -> list[Span]:
    """Entities of which none overlaps another: of two that do, the longer stays, then the earlier."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span.start, span.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def token_labels(places: Sequence[Place], spans: Sequence[Span], labels: Sequence[str]) -> list[int]:
    """The class of each token: 0 outside, 1 + 2·label where an entity begins, 2 + 2·label inside.

    `spans` do not overlap. A token belongs to the entity that it shares a character with. An entity that began before
    the first token goes on inside: a token has the same class in every window.
    """
    first = next((start for start, end in places if start < end), 0)
    number = {label: i for i, label in enumerate(labels)}
    classes = [IGNORED if start == end else OUTSIDE for start, end in places]
    begun: set[Span] = set()
    waiting = iter(sorted(spans))
    span = next(waiting, None)
    for i, (start, end) in enumerate(places):
        while span is not None and start < end and span.end <= start:
            span = next(waiting, None)
        if span is not None and start < end and span.start < end and span.label in number:
            classes[i] = 1 + 2 * number[span.label] + (span in begun or span.start < first)
            begun.add(span)
    return classes


def entities(places: Sequence[Place], classes: Sequence[int], labels: Sequence[str]) -> list[Span]:
    """The entities that token classes describe; one that goes on with another label, or begins inside, is a new one."""
    spans: list[Span] = []
    last: int | None = None  # the label of the token before, if it was in an entity
    for (start, end), found in zip(places, classes, strict=True):
        if start == end or found <= OUTSIDE:
            last = None if start < end else last
            continue
        label, inside = (found - 1) // 2, found % 2 == 0
        if inside and last == label:
            spans[-1] = Span(spans[-1].start, end, labels[label])
        else:
            spans.append(Span(start, end, labels[label]))
        last = label
    return spans


def merged(parts: Sequence[tuple[Sequence[Place], Sequence[int]]]) -> Iterator[tuple[Place, int]]:
    """Token classes of one text from its windows, in order: each token's from the window where it stands deepest."""
    best: dict[Place, tuple[int, int]] = {}  # place → (distance to the nearer edge, class)
    for places, classes in parts:
        inner = [i for i, (start, end) in enumerate(places) if start < end]
        for rank, i in enumerate(inner):
            depth = min(rank, len(inner) - 1 - rank)
            if depth > best.get(places[i], (-1, 0))[0]:
                best[places[i]] = depth, classes[i]
    for place in sorted(best):
        yield place, best[place][1]
