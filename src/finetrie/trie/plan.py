"""Which rows share a pack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from finetrie.trie.pack import sorted_with_shared

Ints = npt.NDArray[np.int64]

BUDGETS = {"cpu": 1792, "cuda": 16384}


def plan(sequences: Sequence[Sequence[int]], *, budget_tokens: int) -> list[list[int]]:
    """Divide rows into packs of at most `budget_tokens` distinct tokens, rows that begin alike together.

    Returns lists of indices into `sequences`; every index appears once. The grouping depends on the
    set of rows only, not on their order. A row longer than the budget gets a pack of its own.
    The packs are as few as lexicographic order allows, and then as even as possible: an even division
    has the lowest peak memory.

    Raises:
        ValueError: an empty sequence, or a budget below one token.
    """
    if budget_tokens < 1:
        raise ValueError(f"a pack needs a budget of at least one token, not {budget_tokens}")
    tokens = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    if not all(len(t) for t in tokens):
        raise ValueError("a sequence without tokens cannot be packed")
    order, shared = sorted_with_shared(tokens)
    lengths = np.array([len(tokens[i]) for i in order], dtype=np.int64)
    fewest = _fill(lengths, shared, budget_tokens)
    low, high = 1, budget_tokens  # the smallest budget that needs no more packs
    while low < high:
        middle = (low + high) // 2
        if len(_fill(lengths, shared, middle)) <= len(fewest):
            high = middle
        else:
            low = middle + 1
    return [[order[rank] for rank in group] for group in _fill(lengths, shared, low)]


def _fill(lengths: Ints, shared: Ints, budget: int) -> list[list[int]]:
    """Greedy: open a new pack whenever the next row's own tokens no longer fit."""
    groups: list[list[int]] = []
    used = 0
    for rank, (length, common) in enumerate(zip(lengths.tolist(), shared.tolist(), strict=True)):
        if groups and used + length - common <= budget:
            groups[-1].append(rank)
            used += length - common
        else:
            groups.append([rank])
            used = length
    return groups


def default_budget(device_type: str) -> int:
    """Tokens a pack for a kind of device ("cpu", "cuda", ...)."""
    return BUDGETS.get(device_type, BUDGETS["cpu"])
