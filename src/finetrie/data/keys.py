"""When two rows ask the same thing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

from finetrie.records import Example

Key: TypeAlias = tuple[str, ...]


def exact_key(example: Example) -> Key:
    """Equal for two rows that ask exactly the same: the text without white space at its ends, the row's own
    instruction, and the earlier turns. Rows are removed by this key, so it takes nothing else for equal."""
    turns = (part for message in example.history for part in (message["role"], message["content"]))
    return (example.text.strip(), example.instruction or "", *turns)


def loose_key(example: Example) -> Key:
    """Equal also where rows differ in width, case or white space (NFKC, case folded, no spaces).

    Used to keep such rows on one side of a split, which costs nothing and creates no leak.
    """
    return tuple("".join(unicodedata.normalize("NFKC", part).casefold().split()) for part in exact_key(example))


def by_key(examples: Iterable[Example]) -> dict[Key, list[Example]]:
    """Rows that ask exactly the same, in order of first appearance."""
    groups: dict[Key, list[Example]] = {}
    for example in examples:
        groups.setdefault(exact_key(example), []).append(example)
    return groups
