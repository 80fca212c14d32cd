"""What a corpus writes again and again, so that a slip of the pen can be told from another word.

A slip puts characters side by side that stand so by accident or never. The characters of a word, above all of a name,
seek each other: they stand side by side far more often than their own frequencies would bring about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BOUND = 3.0
"""Times as often as by chance (the lift of a pair): from here on two characters are taken to belong together.

Higher, rare names pass for accidents; lower, accidents pass for words. See `benchmarks/duplicates.py`."""

BATCH_CHARACTERS = 2_000_000
_WORD = re.compile("[a-z\u00df-\u024f\u0370-\u052f]{5,}")
_UNICODE = 0x110000


class Habits:
    """Which neighbouring characters belong together, and which longer words occur at least twice in a corpus.

    Args:
        texts: `plain` texts, no two of them the same. 16 bytes a distinct pair of characters stay in memory.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        codes, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._characters = np.zeros(_UNICODE, np.int64)
        words: Counter[str] = Counter()
        batch: list[str] = []
        size = 0
        for text in texts:
            folded = text.casefold()
            words.update(_WORD.findall(folded))
            batch.append(folded)
            size += len(folded)
            if size >= BATCH_CHARACTERS:
                codes, counts = self._added(codes, counts, batch)
                batch, size = [], 0
        codes, counts = self._added(codes, counts, batch)
        self._pairs, self._counts = codes[counts > 1], counts[counts > 1]
        self._total = int(self._characters.sum())
        self._words = frozenset(word for word, count in words.items() if count > 1)

    def binds(self, one: str, other: str) -> bool:
        """Whether two characters stand side by side at least twice, and far more often than by chance."""
        code = ord(one) << 21 | ord(other)
        place = int(np.searchsorted(self._pairs, code))
        if place == len(self._pairs) or int(self._pairs[place]) != code:
            return False
        by_chance = int(self._characters[ord(one)]) * int(self._characters[ord(other)]) / self._total
        return int(self._counts[place]) >= BOUND * by_chance

    def has_word(self, word: str) -> bool:
        """Whether a word of five letters or more occurs at least twice in the corpus."""
        return word in self._words

    def _added(
        self, codes: NDArray[np.int64], counts: NDArray[np.int64], texts: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs counted so far and those of `texts`; counts single characters as well."""
        joined = "\n".join(texts).encode("utf-32-le", "surrogatepass")
        characters = np.frombuffer(joined, np.uint32).astype(np.int64)
        end = ord("\n")  # no plain text holds one
        self._characters += np.bincount(characters[characters != end], minlength=_UNICODE)
        pairs = characters[:-1] << 21 | characters[1:]
        fresh, times = np.unique(pairs[(characters[:-1] != end) & (characters[1:] != end)], return_counts=True)
        merged, place = np.unique(np.concatenate([codes, fresh]), return_inverse=True)
        return merged, np.bincount(place, np.concatenate([counts, times])).astype(np.int64)
