"""Drawing rows so that every part looks like the whole. Seeded with `random.Random`, equal on every platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from random import Random

from finetrie.data.keys import Key, loose_key
from finetrie.data.labels import labels_of
from finetrie.records import Example


def stratum(example: Example, *, kind: str) -> tuple[str, ...]:
    """What a row is drawn by: its label, or the set of its entities' labels. Free answers are all one stratum."""
    return labels_of(example, kind=kind)


def hold_out(
    rows: Sequence[Example], fraction: float, *, kind: str, seed: str, fixed: Collection[Key] = ()
) -> set[int]:
    """Indices of about `fraction` of `rows`, each stratum in proportion.

    Rows with one `loose_key` are held out together or not at all; those whose key is in `fixed` never are. Every
    stratum and every label keeps a row; a quota is met exactly where the groups of equal rows allow it.
    """
    groups: dict[Key, list[int]] = {}
    for i, example in enumerate(rows):
        groups.setdefault(loose_key(example), []).append(i)
    strata: dict[tuple[str, ...], list[list[int]]] = {}
    for key, members in groups.items():
        pools = strata.setdefault(stratum(rows[members[0]], kind=kind), [])
        if key not in fixed:
            pools.append(members)
    sizes = Counter(stratum(example, kind=kind) for example in rows)
    quotas = _quotas({name: sizes[name] for name in strata}, round(fraction * len(rows)), fraction)
    remaining = Counter(label for example in rows for label in labels_of(example, kind=kind))
    random = Random(seed)
    held: set[int] = set()
    for name in sorted(strata):
        pool = strata[name]
        random.shuffle(pool)
        left = min(quotas[name], sizes[name] - 1)
        for members in pool:
            labels = Counter(label for i in members for label in labels_of(rows[i], kind=kind))
            if len(members) <= left and all(remaining[label] > count for label, count in labels.items()):
                held.update(members)
                remaining.subtract(labels)
                left -= len(members)
    return held


def _quotas(sizes: dict[tuple[str, ...], int], total: int, fraction: float) -> dict[tuple[str, ...], int]:
    """Whole numbers within one of `fraction` of each size; largest remainders are rounded up to reach `total`.

    Strata of one row give none, and no other makes up for them: proportions matter more than the total.
    """
    quotas = {name: min(int(fraction * size), size - 1) for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: (quotas[name] - fraction * sizes[name], -sizes[name], name))
    open_names = [name for name in by_remainder if quotas[name] < sizes[name] - 1]
    for name in open_names[: max(0, total - sum(quotas.values()))]:
        quotas[name] += 1
    return quotas


def nested_order(rows: Sequence[Example], *, kind: str, seed: str) -> list[int]:
    """Indices of all rows in an order whose every beginning is a stratified sample.

    Rows that show every label once come first, from the larger strata before the smaller; then rows of all strata
    interleave in proportion to their sizes. The sample of 100 is therefore contained in the sample of 500.
    """
    strata: dict[tuple[str, ...], list[int]] = {}
    for i, example in enumerate(rows):
        strata.setdefault(stratum(example, kind=kind), []).append(i)
    shown: set[str] = set()
    first: set[tuple[str, ...]] = set()  # a row of every set of entity labels would crowd out the common ones
    for name in sorted(strata, key=lambda name: (-len(strata[name]), name)):
        if not shown.issuperset(name):
            shown.update(name)
            first.add(name)
    random = Random(seed)
    placed: list[tuple[float, int, tuple[str, ...], int]] = []
    for name in sorted(strata):
        members = strata[name]
        random.shuffle(members)
        offset = random.random()
        for rank, i in enumerate(members):
            position = -1.0 if rank == 0 and name in first else (rank + offset) / len(members)
            placed.append((position, -len(members), name, i))
    return [i for *_, i in sorted(placed)]
