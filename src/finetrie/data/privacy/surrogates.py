"""What stands in place of personal data: one surrogate a value, the same throughout a document.

Surrogates are numbered, not hashed. A hash of eleven digits is undone by trying them all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from finetrie.data.privacy.finding import Finding
from finetrie.data.privacy.kinds import kind_named
from finetrie.data.privacy.widths import half_width

Style: TypeAlias = Literal["tag", "fake"]

CAPACITY = 9_999
"""Fakes of a kind in one document, which is what the shortest number plate can count; tags beyond it."""


class Surrogates:
    """The surrogates of one document, given out in the order in which values are asked for.

    "tag" says the kind and a number: `[手机号1]` in Chinese, `[PHONE_1]` in English. "fake" keeps the shape
    but is nobody's by construction: a province, area code, series or issuer that does not exist, a wrong check
    character, a reserved host or address block (each kind's `fake` says which). Kinds of which any shape could be
    somebody's (names, addresses, medical records) get tags in both styles.
    """

    def __init__(self, document: Sequence[str], *, language: str, style: Style = "tag") -> None:
        """
        Args:
            document: all texts that are masked together; surrogates that stand in them count as given out.
            language: of the tags, "zh" or any other for English.
        """
        self._document = document
        self._chinese = language == "zh"
        self._style = style
        self._numbers: dict[str, dict[str, int]] = {}
        self._first: dict[str, int] = {}

    def of(self, finding: Finding) -> str:
        """The surrogate of a value; the same for every way to write it (a fake keeps each way's shape)."""
        kind = kind_named(finding.kind)
        value = half_width(finding.value)
        numbers = self._numbers.setdefault(finding.kind, {})
        key = kind.key(value)
        if key not in numbers:
            numbers[key] = self._first_number(finding.kind, value) + len(numbers)
        return self._surrogate(finding.kind, value, numbers[key])

    def _surrogate(self, name: str, value: str, number: int) -> str:
        kind = kind_named(name)
        if self._style == "fake" and kind.fake is not None and number <= CAPACITY:
            return kind.fake(value, number)
        return f"[{kind.tag[0]}{number}]" if self._chinese else f"[{kind.tag[1]}_{number}]"

    def _first_number(self, name: str, value: str) -> int:
        """The first number that no surrogate in the document has, so that masking in two passes mixes up nobody."""
        if name not in self._first:
            tags = "|".join(map(re.escape, kind_named(name).tag))
            tag = re.compile(rf"\[(?:{tags})_?([0-9]{{1,9}})\]")
            given = (int(number) for text in self._document for number in tag.findall(text))
            first = max(given, default=0) + 1
            while any(self._surrogate(name, value, first) in text for text in self._document):
                first += 1
            self._first[name] = first
        return self._first[name]
