"""Personal data in one text, each stretch of it with one reading."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from finetrie.data.privacy.entities import EntityModel
from finetrie.data.privacy.kinds import ALL, kind_named
from finetrie.data.privacy.widths import half_width

Allowed: TypeAlias = "str | re.Pattern[str]"

ENTITY_KINDS = {
    **dict.fromkeys(("name", "per", "person", "人名", "姓名"), "name"),
    **dict.fromkeys(("address", "addr", "地址", "住址"), "address"),
}
"""Labels of an entity model that are personal, in lower case, → kind. A city or a company is not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at `text[start:end]`, in code points of the text as it was given."""

    kind: str
    start: int
    end: int
    value: str
    checked: bool  # a check digit, a calendar or a numbering plan agreed; else only the pattern and a word nearby


def find_personal_data(
    text: str,
    *,
    kinds: Collection[str] = ALL,
    allow: Iterable[Allowed] = (),
    entities: EntityModel | None = None,
) -> tuple[Finding, ...]:
    """Personal data in text order, without overlaps; time is linear in the length of the text.

    Where two readings overlap, one that passed a check comes before one that did not, then the longer, then the more
    particular kind. Entities keep what remains of them beside a number that was found by its pattern.

    Args:
        kinds: names from `KINDS`.
        allow: values that stay: literals, however they are written ("138 0013 8000" allows "13800138000"), or
            patterns that match a whole value. An allowed value also shields what lies inside it.
        entities: finds names and addresses (labels in `ENTITY_KINDS`, in any case); other labels are not personal.

    Raises:
        UnknownName: no such kind.
        ValueError: the entity model gives a span outside the text.
    """
    taken = _Taken()
    for finding in sorted(_by_pattern(text, kinds), key=_preference):
        taken.add(finding)
    if entities is not None:
        for finding in sorted(_by_model(text, kinds, entities), key=_preference):
            taken.add_rest(finding)
    allowed = _Allowed(allow)
    return tuple(finding for finding in taken.findings if not allowed(finding))


def _by_pattern(text: str, kinds: Collection[str]) -> Iterator[Finding]:
    half = half_width(text)
    digits = sum(map(half.count, "0123456789"))
    for name in dict.fromkeys(kinds):
        kind = kind_named(name)
        for match in kind.find(half) if digits >= kind.digits else ():
            yield Finding(name, match.start, match.end, text[match.start : match.end], match.checked)


def _by_model(text: str, kinds: Collection[str], entities: EntityModel) -> Iterator[Finding]:
    for span in entities(text):
        if not 0 <= span.start < span.end <= len(text):
            raise ValueError(f"the entity model gave {span} for a text of {len(text)} characters")
        kind = ENTITY_KINDS.get(span.label.lower())
        if kind is not None and kind in kinds:
            yield Finding(kind, span.start, span.end, text[span.start : span.end], checked=False)


def _preference(finding: Finding) -> tuple[bool, int, int, int, str]:
    length = finding.end - finding.start
    return (not finding.checked, -length, -kind_named(finding.kind).precedence, finding.start, finding.kind)


class _Taken:
    """Findings that do not overlap, in text order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._starts: list[int] = []

    def add(self, finding: Finding) -> None:
        """Take it unless it overlaps what has been taken."""
        at = bisect_left(self._starts, finding.end)
        if not at or self.findings[at - 1].end <= finding.start:
            self._starts.insert(at, finding.start)
            self.findings.insert(at, finding)

    def add_rest(self, finding: Finding) -> None:
        """Take what lies between the findings that have been taken."""
        inside = self._overlapping(finding)
        borders = [finding.start, *(border for other in inside for border in (other.start, other.end)), finding.end]
        for start, end in zip(borders[::2], borders[1::2], strict=True):
            piece = finding.value[max(0, start - finding.start) : max(0, end - finding.start)]
            if any(character.isalnum() for character in piece):
                start += len(piece) - len(piece.lstrip())
                piece = piece.strip()
                self.add(Finding(finding.kind, start, start + len(piece), piece, finding.checked))

    def _overlapping(self, finding: Finding) -> list[Finding]:
        last = bisect_left(self._starts, finding.end)
        first = last
        while first and self.findings[first - 1].end > finding.start:
            first -= 1
        return self.findings[first:last]


class _Allowed:
    """Whether a finding is one of the values that stay."""

    def __init__(self, allow: Iterable[Allowed]) -> None:
        values = list(allow)
        self._literals = [half_width(value) for value in values if isinstance(value, str)]
        self._patterns = [value for value in values if isinstance(value, re.Pattern)]
        self._keys: dict[str, set[str]] = {}

    def __call__(self, finding: Finding) -> bool:
        if any(pattern.fullmatch(finding.value) for pattern in self._patterns):
            return True
        key = kind_named(finding.kind).key
        if finding.kind not in self._keys:
            self._keys[finding.kind] = {key(literal) for literal in self._literals}
        return key(half_width(finding.value)) in self._keys[finding.kind]
