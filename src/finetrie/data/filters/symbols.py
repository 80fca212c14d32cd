"""The filter on texts that are more signs than words."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.records import Example

_WORDS = frozenset("LMN")  # letters, marks, numbers


@FILTERS.register("symbols")
@dataclass(frozen=True, slots=True)
class Symbols:
    """At most `max_share` of the characters are neither letters, marks nor digits: punctuation, emoji, symbols.

    White space does not count. Range of the share: 0 to 1, and 0 for an empty text. A post of two words and three
    emoji is above the default.
    """

    max_share: float = 0.5

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        written = Counter("".join(example.text.split()))
        signs = Counter({c: n for c, n in written.items() if unicodedata.category(c)[0] not in _WORDS})
        share = signs.total() / written.total() if written else 0.0
        if share <= self.max_share:
            return None
        most = ", ".join(f"{n} {c!r}" for c, n in signs.most_common(3))
        return Drop(
            "symbols",
            f"{share:.0%} of {written.total()} characters are signs (limit {self.max_share:.0%}): {most}",
            share,
        )
