"""Entities across a corpus: the same words under several labels, and words that are labelled elsewhere but not here.

Equal rows count once; every row that has the fault is named. Scores are chances by the rule of succession
(`chance_of_next`): what an annotator who works as the corpus shows would do with the next mention of these words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from finetrie.data.quality.conflicts import annotated_two_ways
from finetrie.data.quality.findings import LISTED, Finding, chance_of_next
from finetrie.data.quality.spans import span_findings
from finetrie.records import Example, Span

MIN_LABELLED = 3
"""Mentions of a surface that must be labelled before its absence elsewhere means anything."""

MIN_CONSISTENCY = 0.7
"""Share of a surface's mentions that must be labelled, or have the one label, before the others are named."""

CONTINUED_SURFACES = 3
"""Words go on at a character behind which known surfaces stand unlabelled more often than not, and so many of them."""

# Letters and digits of scripts that put spaces between words: "Rome" is no mention inside "Romeo".
_SPACED = re.compile("[0-9A-Za-z_\u00c0-\u02af\u0370-\u052f\u0530-\u06ff\uac00-\ud7af]")


def entity_findings(examples: Sequence[Example]) -> tuple[Finding, ...]:
    """Everything this package finds about entities without a model, most certain first within each kind."""
    return (
        *surfaces_with_several_labels(examples),
        *minority_labels(examples),
        *unlabelled_mentions(examples),
        *span_findings(examples),
        *annotated_two_ways(examples),
    )


def surfaces_with_several_labels(examples: Iterable[Example]) -> tuple[Finding, ...]:
    """`surface_labels`: each surface that stands under two labels or more, the most evenly divided first.

    `counts` has the labels, `suggested` is the most frequent one, `examples` name rows of each label, the rarest
    first. The score is the chance that the next label is not the most frequent one: such words may need a rule in the
    guidelines rather than a correction.
    """
    labels = _labels_by_surface(examples)
    found = []
    for surface, places in labels.items():
        if len(places) < 2:
            continue
        counts = sorted(((label, len(rows)) for label, rows in places.items()), key=lambda pair: (-pair[1], pair[0]))
        most, hits = counts[0]
        listed = ", ".join(f"{label} {count} times" for label, count in counts)
        rows = [origin for label, _ in reversed(counts) for origin in sorted(places[label])[:LISTED]]
        found.append(
            Finding(
                rule="surface_labels",
                evidence=f"{surface!r} is labelled {listed}",
                score=1 - chance_of_next(hits, sum(n for _, n in counts) - hits),
                suggested=most,
                counts=tuple(counts),
                examples=tuple(rows[:LISTED]),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.score, one.evidence)))


def minority_labels(
    examples: Sequence[Example], *, min_labelled: int = MIN_LABELLED, min_consistency: float = MIN_CONSISTENCY
) -> tuple[Finding, ...]:
    """`minority_label`: mentions whose label is not the one that their surface nearly always has.

    The surface has that label at least `min_labelled` times and in a share of `min_consistency`; the score is the
    chance that its next mention has it too.
    """
    labels = _labels_by_surface(examples)
    usual: dict[str, tuple[str, str, int, int]] = {}
    for surface, places in labels.items():
        label, hits, partner = _usual_label(places)
        total = sum(map(len, places.values()))
        if hits < total and hits >= max(min_labelled, min_consistency * total):
            usual[surface] = (label, partner, hits, total)
    found = []
    for example in examples:
        for span in sorted(_spans(example)):
            surface = example.text[span.start : span.end]
            label, partner, hits, total = usual.get(surface, (span.label, "", 0, 0))
            if label == span.label:
                continue
            found.append(
                Finding(
                    rule="minority_label",
                    evidence=f"{surface!r} is {label} in {hits} of {total} mentions, {span.label} here",
                    score=chance_of_next(hits, total - hits),
                    origin=example.origin,
                    id=example.id,
                    partner=partner,
                    given=span,
                    suggested=Span(span.start, span.end, label),
                )
            )
    return _ranked(found)


def unlabelled_mentions(
    examples: Sequence[Example], *, min_labelled: int = MIN_LABELLED, min_consistency: float = MIN_CONSISTENCY
) -> tuple[Finding, ...]:
    """Places where the words of an entity stand without its label.

    * `second_mention`: the same row labels these words elsewhere. Texts that do so label at least half of their
      mentions.
    * `unlabelled_mention`: the words are labelled at least `min_labelled` times, and in a share of `min_consistency`
      of all their mentions.

    The score is the chance that the next mention is labelled, counted over the texts of the rule. Words inside a
    labelled entity or a longer known surface are no mention, nor is part of a word in scripts that use spaces.
    `suggested` has the label that the surface has most often; `partner` is a row that labels it (for a second
    mention, the row itself).

    Nor is a mention what the next character makes another word of, as 人 does of 日本: see `CONTINUED_SURFACES`.
    """
    labels = _labels_by_surface(examples)
    scan = _Scan(labels, goes_on=_continuations(examples, labels, min_labelled=min_labelled))
    anywhere, same_text = _count_mentions(examples, scan)
    usual = {surface: _usual_label(labels[surface]) for surface in anywhere}
    found = []
    for example in examples:
        own = {example.text[s.start : s.end] for s in _spans(example)}
        for surface, start in scan.unlabelled(example):
            hits, misses = same_text[surface] if surface in own else anywhere[surface]
            enough = 0.5 if surface in own else min_consistency
            if hits < enough * (hits + misses) or (surface not in own and hits < min_labelled):
                continue
            label, _, partner = usual[surface]
            where = "of the mentions in texts that label it" if surface in own else "of its mentions"
            found.append(
                Finding(
                    rule="second_mention" if surface in own else "unlabelled_mention",
                    evidence=f"{surface!r} is labelled in {hits} of {hits + misses} {where}, not here",
                    score=chance_of_next(hits, misses),
                    origin=example.origin,
                    id=example.id,
                    partner=example.origin if surface in own else partner,
                    suggested=Span(start, start + len(surface), label),
                )
            )
    return _ranked(found)


class _Scan:
    """Finds known surfaces outside labelled entities: from left to right, the longest first."""

    def __init__(self, surfaces: Iterable[str], *, goes_on: frozenset[str] = frozenset()) -> None:
        self.goes_on = goes_on  # characters that make another word of a surface
        lengths: dict[str, set[int]] = {}
        self.surfaces = frozenset(surface for surface in surfaces if surface.strip())
        for surface in self.surfaces:
            lengths.setdefault(surface[0], set()).add(len(surface))
        self.lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def unlabelled(self, example: Example) -> Iterator[tuple[str, int]]:
        """(surface, start) of each mention that no entity touches."""
        at = 0
        for span in sorted(_spans(example)):
            if span.start > at:
                yield from self._between(example.text, at, span.start)
            at = max(at, span.end)
        yield from self._between(example.text, at, len(example.text))

    def _between(self, text: str, start: int, end: int) -> Iterator[tuple[str, int]]:
        at = start
        while at < end:
            for length in self.lengths.get(text[at], ()):
                surface = text[at : at + length]
                if at + length <= end and surface in self.surfaces and _whole(text, at, at + length):
                    if text[at + length : at + length + 1] not in self.goes_on:
                        yield surface, at
                    at += length
                    break
            else:
                at += 1


def _whole(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is not a part of a longer word."""
    begins = start > 0 and _SPACED.match(text[start - 1]) and _SPACED.match(text[start])
    goes_on = end < len(text) and _SPACED.match(text[end - 1]) and _SPACED.match(text[end])
    return not begins and not goes_on


def _continuations(
    examples: Iterable[Example], labels: Mapping[str, Mapping[str, Sequence[str]]], *, min_labelled: int
) -> frozenset[str]:
    """Characters behind which the annotators mostly left known surfaces alone: 日本人, 国会议员."""
    known = {surface for surface, places in labels.items() if sum(map(len, places.values())) >= min_labelled}
    scan = _Scan(known)
    labelled: Counter[str] = Counter()
    unlabelled: Counter[str] = Counter()
    surfaces: dict[str, set[str]] = {}
    for example in _different(examples):
        for span in set(_spans(example)):
            if example.text[span.start : span.end] in known:
                labelled[example.text[span.end : span.end + 1]] += 1
        for surface, start in scan.unlabelled(example):
            after = example.text[start + len(surface) : start + len(surface) + 1]
            unlabelled[after] += 1
            surfaces.setdefault(after, set()).add(surface)
    return frozenset(
        after
        for after, count in unlabelled.items()
        if after.isalpha() and count > labelled[after] and len(surfaces[after]) >= CONTINUED_SURFACES
    )


def _count_mentions(
    examples: Iterable[Example], scan: _Scan
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Surface → (labelled, unlabelled) mentions: in all different rows, and in those that label it at least once."""
    labelled: Counter[str] = Counter()
    unlabelled: Counter[str] = Counter()
    beside: Counter[str] = Counter()  # unlabelled, in a text that labels the surface too
    for example in _different(examples):
        own = Counter(example.text[s.start : s.end] for s in set(_spans(example)))
        labelled.update(own)
        for surface, _ in scan.unlabelled(example):
            unlabelled[surface] += 1
            beside[surface] += surface in own
    anywhere = {surface: (labelled[surface], unlabelled[surface]) for surface in unlabelled}
    return anywhere, {surface: (labelled[surface], beside[surface]) for surface in unlabelled}


def _labels_by_surface(examples: Iterable[Example]) -> dict[str, dict[str, list[str]]]:
    """Surface → label → origins of the mentions, in all different rows."""
    found: dict[str, dict[str, list[str]]] = {}
    for example in _different(examples):
        for span in set(_spans(example)):
            surface = example.text[span.start : span.end]
            found.setdefault(surface, {}).setdefault(span.label, []).append(example.origin)
    return found


def _usual_label(places: Mapping[str, Sequence[str]]) -> tuple[str, int, str]:
    """The most frequent label of a surface, how often it stands, and the first row that has it."""
    label = min(places, key=lambda name: (-len(places[name]), name))
    return label, len(places[label]), min(places[label])


def _different(examples: Iterable[Example]) -> Iterable[Example]:
    """Rows without the copies: of the same text with the same entities, the one whose origin sorts first."""
    kept: dict[tuple[str, tuple[Span, ...]], Example] = {}
    for example in examples:
        key = (example.text, tuple(sorted(_spans(example))))
        if key not in kept or example.origin < kept[key].origin:
            kept[key] = example
    return kept.values()


def _spans(example: Example) -> tuple[Span, ...]:
    return example.target if isinstance(example.target, tuple) else ()


def _ranked(found: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda one: (-one.score, one.origin or "", one.id or "", one.evidence)))
