"""Filters on what a text says again and again.

The measures are those of Rae et al. (2021), "Scaling Language Models: Methods, Analysis & Insights from Training
Gopher", arXiv:2112.11446, table A1. Its limits were chosen for English web pages, so look at what a filter drops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.errors import ConfigError
from finetrie.records import Example

# A Chinese, Japanese or Korean character says about as much as a word of other languages.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_UNITS = re.compile(f"[{_CJK}]|[^\\W{_CJK}]+")

MOST_UNITS = 100_000
"""Words and characters of a text that are looked at; what repeats itself does so before then."""


@FILTERS.register("repeated_characters")
@dataclass(frozen=True, slots=True)
class RepeatedCharacters:
    """At most `max_share` of the characters stand in runs of `run` or more of the same: 哈哈哈哈哈哈, !!!!!!!, ------.

    White space does not count. Range of the share: 0 to 1, and 0 for an empty text.
    """

    max_share: float = 0.3
    run: int = 5

    def __post_init__(self) -> None:
        if self.run < 2:
            raise ConfigError(f"repeated_characters: run must be 2 or more, got {self.run}", fix="correct the value")

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        written = "".join(example.text.split())
        runs = [match.group() for match in re.finditer(rf"(.)\1{{{self.run - 1},}}", written)]
        share = sum(map(len, runs)) / len(written) if written else 0.0
        if share <= self.max_share:
            return None
        longest = max(runs, key=len)
        return Drop(
            "repeated_characters",
            f"{share:.0%} of the characters repeat the one before (limit {self.max_share:.0%}); "
            f"the longest run: {len(longest)} times {longest[0]!r}",
            share,
        )


@FILTERS.register("repeated_lines")
@dataclass(frozen=True, slots=True)
class RepeatedLines:
    """At most `max_share` of the lines that hold something say what an earlier line said.

    Range of the share: 0 to 1, and 0 for fewer than two lines.
    """

    max_share: float = 0.3

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        lines = [line.strip() for line in example.text.split("\n") if line.strip()]
        seen: set[str] = set()
        again = [line for line in lines if line in seen or seen.add(line)]  # type: ignore[func-returns-value]
        share = len(again) / len(lines) if lines else 0.0
        if share <= self.max_share:
            return None
        return Drop(
            "repeated_lines",
            f"{share:.0%} of {len(lines)} lines stood before (limit {self.max_share:.0%}), such as {again[0][:40]!r}",
            share,
        )


@FILTERS.register("repeated_ngrams")
@dataclass(frozen=True, slots=True)
class RepeatedNgrams:
    """At most `max_share` of the words stand in a stretch of `n` words that the text had before.

    A word is a Chinese, Japanese or Korean character, or a run of other letters and digits. Case counts, punctuation
    does not. Range of the share: 0 to 1, and 0 for texts of `n` words and fewer.

    Rae et al. take 0.1, which ordinary Chinese exceeds: terms are long in characters. Of 12,465 sentences, headlines
    and papers 0.1 drops 56 and 0.3 drops 2.
    """

    n: int = 10
    max_share: float = 0.3

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError(f"repeated_ngrams: n must be 1 or more, got {self.n}", fix="correct the value")

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        words = list(islice(_UNITS.finditer(example.text), MOST_UNITS))
        said = [word.group() for word in words]
        seen: set[str] = set()
        covered = repeated = 0
        first: int | None = None
        for start in range(len(said) - self.n + 1):
            stretch = " ".join(said[start : start + self.n])
            if stretch in seen:
                repeated += start + self.n - max(covered, start)
                covered = start + self.n
                first = start if first is None else first
            seen.add(stretch)
        share = repeated / len(said) if said else 0.0
        if first is None or share <= self.max_share:
            return None
        shown = example.text[words[first].start() : words[first + self.n - 1].end()]
        return Drop(
            "repeated_ngrams",
            f"{share:.0%} of {len(said)} words repeat {self.n} words in a row (limit {self.max_share:.0%}), "
            f"such as {shown[:40]!r}",
            share,
        )
