"""Training subsets of a learning curve: each inside the next, and each like the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from finetrie.data.keys import Key, loose_key
from finetrie.data.labels import labels_of
from finetrie.data.strata import nested_order
from finetrie.errors import ConfigError
from finetrie.records import Example

COPIES = 0.05
"""A text with many copies waits until they are at most this share of the rows before it."""


class Subsets:
    """Nested subsets of `rows` for one seed.

    Every subset lies inside the larger ones, whatever other sizes are asked for. It holds every label, and the labels
    in the proportions of all rows. Rows that ask the same (`loose_key`) are all in it or all outside; where the next
    row has copies that would not all fit, the subset is a few rows smaller than asked. Copies are placed so that this
    does not happen to round sizes, as long as there are enough rows without copies.
    """

    def __init__(self, rows: Sequence[Example], *, kind: str, seed: int) -> None:
        groups: dict[Key, list[int]] = {}
        for i, example in enumerate(rows):
            groups.setdefault(loose_key(example), []).append(i)
        members = list(groups.values())
        order = nested_order([rows[group[0]] for group in members], kind=kind, seed=f"{seed}:curve")
        labels = [{label for i in group for label in labels_of(rows[i], kind=kind)} for group in members]
        cover = _cover(order, labels, [len(group) for group in members])
        covered = set(cover)
        rest = _arranged([members[g] for g in order if g not in covered], rows=sum(len(members[g]) for g in cover))
        self._groups = [*(members[g] for g in cover), *rest]
        self.rows = len(rows)
        self.least = sum(len(members[g]) for g in cover)  # rows that show every label

    def of(self, size: int) -> list[int]:
        """Indices of the subset of `size` rows, ascending.

        Raises:
            ConfigError: the size is beyond the rows, or too small to show every label.
        """
        check_sizes([size], rows=self.rows, least=self.least)
        chosen: list[int] = []
        for group in self._groups:
            if len(chosen) + len(group) > size:
                break
            chosen += group
        return sorted(chosen)


def check_sizes(sizes: Iterable[int], *, rows: int, least: int) -> None:
    """Raise ConfigError where a size is beyond the rows, or too small to hold a row of every label."""
    asked = list(sizes)
    if large := [size for size in asked if size > rows]:
        raise ConfigError(
            f"sizes {_listed(large)}: there are only {rows} training rows (beside the dev and test rows)",
            fix=f'ask for at most {rows}; "all" stands for all of them',
        )
    if small := [size for size in asked if size < least]:
        raise ConfigError(
            f"sizes {_listed(small)}: a row of every label takes at least {least} rows",
            fix=f"ask for sizes from {least} on",
        )


def dev_subset(rows: Sequence[Example], count: int, *, kind: str, seed: int) -> list[int]:
    """Indices of `count` dev rows, ascending: stratified, and nested over `count`."""
    return sorted(nested_order(rows, kind=kind, seed=f"{seed}:curve-dev")[:count])


def _cover(order: Sequence[int], labels: Sequence[set[str]], copies: Sequence[int]) -> list[int]:
    """The first groups that show every label, each new label by the group with the fewest copies."""
    cheapest: dict[str, int] = {}
    for g in order:
        for label in sorted(labels[g]):
            if label not in cheapest or copies[g] < copies[cheapest[label]]:
                cheapest[label] = g
    cover: list[int] = []
    shown: set[str] = set()
    for g in order:
        for label in sorted(labels[g] - shown):
            if label not in shown:
                cover.append(cheapest[label])
                shown |= labels[cheapest[label]]
    return list(dict.fromkeys(cover)) if cover else list(order[:1])


def _arranged(groups: Iterable[list[int]], *, rows: int) -> list[list[int]]:
    """The groups in order, but copies later: where they no longer dominate, and where no round size divides them.

    Args:
        rows: how many rows stand before the first group.
    """
    placed: list[list[int]] = []
    waiting: list[tuple[int, int, list[int]]] = []  # a heap: few copies first, then in order
    for place, group in enumerate(groups):
        heappush(waiting, (len(group), place, group))
        while waiting and _fits(waiting[0][0], rows):
            size, _, held = heappop(waiting)
            placed.append(held)
            rows += size
    return [*placed, *(held for *_, held in sorted(waiting))]


def _fits(copies: int, rows: int) -> bool:
    """Whether a text with so many copies may stand behind so many rows."""
    if copies == 1:
        return True
    step = 10 ** len(str(copies - 1))  # 10 for up to 10 copies, 100 for up to 100: sizes are such numbers
    return copies <= COPIES * rows and rows % step + copies <= step


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))
