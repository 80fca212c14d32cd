"""What kind of mistake a wrong entity is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from finetrie.records import Span

KINDS = ("wrong_type", "partial", "missed", "spurious", "hallucinated")


@dataclass(frozen=True)
class EntityErrors:
    """The wrong entities of one document, each in exactly one place, sorted by position.

    Laws: gold = right + wrong_type + partial + missed; found = right + wrong_type + partial + spurious.
    """

    wrong_type: tuple[tuple[Span, Span], ...]  # (gold, found): the same words, another label
    partial: tuple[tuple[Span, Span], ...]  # (gold, found): overlapping words, whatever the label
    missed: tuple[Span, ...]
    spurious: tuple[Span, ...]

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in KINDS if kind != "hallucinated"}


def pair_errors(gold: Collection[Span], found: Collection[Span]) -> EntityErrors:
    """Pair each wrong entity with the gold entity it was probably meant to be, one to one.

    Same boundaries first; then the pair with the longest overlap (the same label breaks ties, then the
    position). What has no partner is `missed` (gold) or `spurious` (found).
    """
    open_gold, open_found = set(gold) - set(found), set(found) - set(gold)
    wrong_type: list[tuple[Span, Span]] = []
    partial: list[tuple[Span, Span]] = []
    candidates = [(g, f) for g in open_gold for f in open_found if g.start < f.end and f.start < g.end]
    for g, f in sorted(candidates, key=_preference):
        if g in open_gold and f in open_found:
            (wrong_type if (g.start, g.end) == (f.start, f.end) else partial).append((g, f))
            open_gold.remove(g)
            open_found.remove(f)
    return EntityErrors(
        tuple(sorted(wrong_type)), tuple(sorted(partial)), tuple(sorted(open_gold)), tuple(sorted(open_found))
    )


def _preference(pair: tuple[Span, Span]) -> tuple[object, ...]:
    gold, found = pair
    overlap = min(gold.end, found.end) - max(gold.start, found.start)
    same_words = (gold.start, gold.end) == (found.start, found.end)
    return not same_words, -overlap, gold.label != found.label, gold, found
