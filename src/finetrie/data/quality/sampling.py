"""Which rows of a large set are judged, so that time and memory stay within bounds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import ceil

from finetrie.records import Example

CHARACTERS = 20_000_000
"""Characters looked at, at most: about 600,000 headlines, or the beginnings of 10,000 long articles."""

CELLS = 50_000_000
"""Probabilities in memory at most: one for each label that is judged and each label it could be."""

FEWEST = 50
"""Rows of each label that a sample holds, where there are as many."""


def sampled(examples: Sequence[Example], size: Callable[[Example], int], *, seed: int) -> Sequence[Example]:
    """All rows, or as large a part of every label's rows as the bounds allow.

    A row counts for the rarest of its labels. What a row says and `seed` decide whether it is in, not its place.

    Args:
        size: characters of a row that are looked at.
    """
    rows: Counter[str] = Counter()
    labels = characters = 0
    for example in examples:
        rows.update(_labels(example))
        labels += 1 if isinstance(example.target, str) else len(example.target or ())
        characters += size(example)
    share = min(CHARACTERS / max(characters, 1), CELLS / max(labels * len(rows), 1))
    if share >= 1:
        return examples
    strata: defaultdict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for place, example in enumerate(examples):
        if own := _labels(example):
            strata[min(own, key=lambda label: (rows[label], label))].append((_digest(seed, example), place))
    chosen = [
        place for stratum in strata.values() for _, place in sorted(stratum)[: max(ceil(share * len(stratum)), FEWEST)]
    ]
    return [examples[place] for place in sorted(chosen)]


def _labels(example: Example) -> set[str]:
    """The labels that a row bears."""
    return {example.target} if isinstance(example.target, str) else {span.label for span in example.target or ()}


def _digest(seed: int, example: Example) -> bytes:
    return blake2b(f"{seed}\0{example.text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
