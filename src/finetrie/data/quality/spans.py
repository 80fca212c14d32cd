"""Faults that one annotated row shows by itself: entities that overlap, that begin or end wrongly, or never end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from finetrie.data.quality.findings import Finding
from finetrie.records import Example, Span

OPENING = "([{（［｛【《〈「『“‘"
CLOSING = ")]}）］｝】》〉」』”’"
_PAIRS = dict(zip(OPENING, CLOSING, strict=True))
# Marks that separate. A full stop, "!" or "-" may belong to a name: "Inc.", "Yahoo!".
_SEPARATING = "，。、；：？！…—·,;:"

LONG_TIMES = 3
"""An entity is very long when it has more than `LONG_TIMES` times the characters of 95 % of its label's entities ..."""
LONG_CHARACTERS = 20
"""... and more characters than this."""

_SENTENCE_ENDS_INSIDE = re.compile(r"[。！？\n\u2028].")


def span_findings(examples: Sequence[Example]) -> tuple[Finding, ...]:
    """What is wrong with entities in the rows themselves, in the order of the rows.

    * `span_edge`: white space (score 1), a separating mark or half a pair of brackets or quotes (score 0.9) at an
      end; `suggested` is the span without it, None where nothing would be left.
    * `spans_overlap` (score 0.8), `span_nested` (score 0.3: nesting can be meant) and `span_labelled_twice` (score
      0.8: the same characters under two labels); `partner` is the row's own origin.
    * `span_long` (score 0.6): see `LONG_TIMES`; or it goes on after the end of a sentence.
    """
    limits = _length_limits(examples)
    found: list[Finding] = []
    for example in examples:
        spans = sorted(example.target) if isinstance(example.target, tuple) else []
        found += _edges(example, spans)
        found += _overlaps(example, spans)
        found += _long(example, spans, limits)
    return tuple(found)


def trimmed(text: str, span: Span) -> Span:
    """The span without white space, separating marks and halves of pairs at its ends; may be empty."""
    start, end = span.start, span.end
    while start < end:
        words = text[start:end]
        if _is_edge(words, words[0]):
            start += 1
        elif _is_edge(words, words[-1]):
            end -= 1
        else:
            break
    return Span(start, end, span.label)


def _is_edge(words: str, mark: str) -> bool:
    if mark.isspace() or mark in _SEPARATING:
        return True
    return any(mark in pair and words.count(pair[0]) != words.count(pair[1]) for pair in _PAIRS.items())


def _edges(example: Example, spans: Iterable[Span]) -> list[Finding]:
    found = []
    for span in spans:
        kept = trimmed(example.text, span)
        if kept == span:
            continue
        words = example.text[span.start : span.end]
        spaced = words != words.strip()
        found.append(
            _finding(
                "span_edge",
                example,
                span,
                f"the entity {words!r} begins or ends with {'white space' if spaced else 'a mark'}",
                score=1.0 if spaced else 0.9,
                suggested=kept if kept.start < kept.end else None,
            )
        )
    return found


def _overlaps(example: Example, spans: Sequence[Span]) -> list[Finding]:
    """One finding for each span that begins inside an earlier one, set against the one that reaches furthest."""
    found = []
    widest: Span | None = None
    for span in spans:
        if widest is not None and span.start < widest.end:
            words, other = (repr(example.text[s.start : s.end]) for s in (span, widest))
            if (span.start, span.end) == (widest.start, widest.end):
                rule, score, how = "span_labelled_twice", 0.8, f"is labelled {widest.label} and {span.label}"
            elif span.end <= widest.end or span.start == widest.start:
                inside = span.end <= widest.end
                rule, score, how = "span_nested", 0.3, f"{'lies inside' if inside else 'contains'} {other}"
            else:
                rule, score, how = "spans_overlap", 0.8, f"overlaps {other}"
            evidence = f"the entity {words} {how}"
            found.append(_finding(rule, example, span, evidence, score=score, partner=example.origin))
        if widest is None or span.end > widest.end:
            widest = span
    return found


def _long(example: Example, spans: Iterable[Span], limits: dict[str, int]) -> list[Finding]:
    found = []
    for span in spans:
        words, length = example.text[span.start : span.end], span.end - span.start
        shown = repr(words[:30] + "…" if length > 30 else words)
        if length > limits[span.label]:
            evidence = f"{shown} has {length} characters; {limits[span.label]} are very many for {span.label}"
        elif _SENTENCE_ENDS_INSIDE.search(words):
            evidence = f"{shown} goes on after the end of a sentence"
        else:
            continue
        found.append(_finding("span_long", example, span, evidence, score=0.6))
    return found


def _length_limits(examples: Iterable[Example]) -> dict[str, int]:
    lengths: dict[str, list[int]] = {}
    for example in examples:
        for span in example.target if isinstance(example.target, tuple) else ():
            lengths.setdefault(span.label, []).append(span.end - span.start)
    limits = {}
    for label, found in lengths.items():
        found.sort()
        limits[label] = max(LONG_CHARACTERS, LONG_TIMES * found[(len(found) - 1) * 95 // 100])
    return limits


def _finding(
    rule: str,
    example: Example,
    span: Span,
    evidence: str,
    *,
    score: float,
    suggested: Span | None = None,
    partner: str | None = None,
) -> Finding:
    return Finding(
        rule=rule,
        evidence=evidence,
        score=score,
        origin=example.origin,
        id=example.id,
        partner=partner,
        given=span,
        suggested=suggested,
    )
