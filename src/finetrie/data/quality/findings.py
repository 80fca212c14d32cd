"""What a person should look at in a labelled data set, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from finetrie.records import Span

LISTED = 5
"""Origins named as examples in one finding; all rows are counted."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that a model which never saw the row contradicts."""

    id: str
    origin: str
    given: str
    suggested: str
    probability_given: float
    probability_suggested: float
    score: float  # 0 to 1, the normalised margin (`confident.margins`): above 0.5 the model prefers `suggested`
    rule: str  # "label_disagreement", or "entity_label_disagreement"
    evidence: str  # for a person
    span: Span | None = None  # the entity; None: the row's class
    partner: str | None = None  # origin of a row with the same text and another label


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a row, or about the data set where `origin` is None."""

    rule: str
    evidence: str  # for a person: what was found
    score: float  # 0 to 1: how sure it is that something is wrong; each rule says how it counts
    origin: str | None = None
    id: str | None = None
    partner: str | None = None  # origin of the other row, where two are involved
    given: str | Span | None = None
    suggested: str | Span | None = None
    counts: tuple[tuple[str, int], ...] = ()  # (label, how often), the most frequent first
    examples: tuple[str, ...] = ()  # origins of up to five rows, for a finding about the data set


Found: TypeAlias = "Suspect | Finding"


@dataclass(frozen=True, slots=True)
class Review:
    """One row to look at (or one question about the data set), with everything that was found about it."""

    origin: str | None
    id: str | None
    score: float  # 1 - Π(1 - score) over `found`: several weak signs add up
    found: tuple[Found, ...]  # the strongest first


def review(*lists: Iterable[Found]) -> tuple[Review, ...]:
    """Everything found, a row at a time: questions about the whole data set, then rows by how much speaks against them.

    Equal scores stand in the order of their origins, so the result does not depend on the order of the lists.
    """
    whole: list[Review] = []
    rows: dict[tuple[str, str], list[Found]] = {}
    for found in (item for items in lists for item in items):
        if found.origin is None or found.id is None:
            whole.append(Review(None, None, found.score, (found,)))
        else:
            rows.setdefault((found.origin, found.id), []).append(found)
    reviews = [Review(origin, id, _together(found), _strongest_first(found)) for (origin, id), found in rows.items()]
    whole.sort(key=lambda one: (-one.score, one.found[0].rule, one.found[0].evidence))
    reviews.sort(key=lambda one: (-one.score, one.origin or "", one.id or ""))
    return (*whole, *reviews)


def chance_of_next(hits: int, misses: int) -> float:
    """Laplace's rule of succession: how probable another hit is after `hits` and `misses`; 0.5 after none."""
    return (hits + 1) / (hits + misses + 2)


def _together(found: Iterable[Found]) -> float:
    doubt = 1.0
    for one in found:
        doubt *= 1 - one.score
    return 1 - doubt


def _strongest_first(found: Iterable[Found]) -> tuple[Found, ...]:
    return tuple(sorted(found, key=lambda one: (-one.score, one.rule, one.evidence)))
