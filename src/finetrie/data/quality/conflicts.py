"""The same text labelled in two ways: one of the rows is wrong, or the labels do not exclude each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from finetrie.data.keys import exact_key
from finetrie.data.quality.findings import Finding
from finetrie.records import Example, Span

Annotation: TypeAlias = "str | tuple[Span, ...]"


def annotated_two_ways(examples: Iterable[Example]) -> tuple[Finding, ...]:
    """One finding for every row of a group that asks exactly the same but is not labelled the same.

    `suggested` is the label most of the other rows have, `partner` the first of them by origin. The score is one less
    the chance that the next annotator would agree with the row: 0.5 for one row against one.
    """
    groups: dict[tuple[str, ...], list[Example]] = {}
    for example in examples:
        if example.target is not None:
            groups.setdefault(exact_key(example), []).append(example)
    found: list[Finding] = []
    for rows in groups.values():
        votes = Counter(_annotation(row) for row in rows)
        if len(votes) > 1:
            firsts: dict[Annotation, str] = {}
            for row in sorted(rows, key=lambda row: row.origin):
                firsts.setdefault(_annotation(row), row.origin)
            found += [_against(row, votes, firsts) for row in rows]
    return tuple(sorted(found, key=lambda one: (-one.score, one.origin or "", one.id or "")))


def _against(row: Example, votes: Counter[Annotation], firsts: Mapping[Annotation, str]) -> Finding:
    own, rows = _annotation(row), votes.total()
    other = min((a for a in votes if a != own), key=lambda a: (-votes[a], _words(row, a)))
    said, here = _words(row, other), _words(row, own)
    return Finding(
        rule="annotated_two_ways",
        evidence=f"{votes[other]} of {rows} rows with this text say {said}; this row says {here}",
        score=1 - (votes[own] + 1) / (rows + len(votes)),
        origin=row.origin,
        id=row.id,
        partner=firsts[other],
        given=own if isinstance(own, str) else None,
        suggested=other if isinstance(other, str) else None,
        counts=tuple(sorted(((_words(row, a), n) for a, n in votes.items()), key=lambda pair: (-pair[1], pair[0]))),
    )


def _annotation(example: Example) -> Annotation:
    """The target, with offsets counted from the first character that is no white space."""
    if isinstance(example.target, str):
        return example.target
    shift = len(example.text) - len(example.text.lstrip())
    return tuple(sorted({Span(s.start - shift, s.end - shift, s.label) for s in example.target or ()}))


def _words(example: Example, annotation: Annotation) -> str:
    """An annotation as a person reads it."""
    if isinstance(annotation, str):
        return repr(annotation)
    text = example.text.lstrip()
    return ", ".join(f"{text[s.start : s.end]!r} {s.label}" for s in annotation) or "no entity"
