"""Several sources of rows become one training set: by weights or caps, seeded, small mixes inside large ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from random import Random
from typing import Any

from finetrie.data.keys import Key, exact_key
from finetrie.data.labels import kind_of_examples
from finetrie.data.strata import nested_order
from finetrie.errors import ConfigError
from finetrie.records import Example, Rejection, Span


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that belong together, and how much of them is wanted."""

    name: str
    examples: Sequence[Example]
    weight: float | None = None  # share of the mix, relative to the other weights; None: in proportion to its rows
    cap: int | None = None  # rows at most


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the rows of one source: `rows` = `taken` + `duplicates` + `left_out`."""

    rows: int
    taken: int
    duplicates: int  # they also stand in a source before this one; each is a rejection
    left_out: int  # by the cap, the weights, or the number of rows asked for


@dataclass(frozen=True, slots=True)
class Mixed:
    """One set out of several. Every beginning of `examples` is itself a mix in the same proportions."""

    examples: tuple[Example, ...]  # ids are "source/id", origins are untouched
    sources: tuple[str, ...]  # the source of each example
    taken: Mapping[str, Taken]  # by source, in the order given
    rejected: tuple[Rejection, ...]
    notices: tuple[str, ...] = ()


def mix(sources: Sequence[Source], *, rows: int | None = None, seed: int = 0, stratify: bool = True) -> Mixed:
    """Draw rows from several sources.

    1. A row that asks exactly what a row of an earlier source asks (`exact_key`) is rejected with that row as partner:
       `mix_duplicate`, or `mix_conflict` where the two are labelled differently. Copies within one source stay: those
       are for the search for duplicates to judge. The partner takes over the reasoning of its copy where it has none.
    2. Each source is put in a seeded order, stratified by label where it has a closed set of them, and cut at its cap.
    3. The orders are interleaved by weight until `rows` are drawn, or a weight could no longer be kept because its
       source is used up. Rows are never repeated to reach a weight. Without weights every row is drawn.

    The same sources and seed give the same mix on every platform; a mix of fewer rows is the beginning of one of more.

    Args:
        rows: rows wanted; None: as many as weights and caps allow. A notice says when there are fewer.
        stratify: False draws each source evenly over its rows, whatever their labels.

    Raises:
        ConfigError: no sources, a name twice, a weight or cap that is not positive, weights for some sources only.
    """
    _check(sources, rows)
    notices: list[str] = []
    pools, rejected = _pools(sources, seed, stratify)
    weights = _weights(sources, pools, notices)
    drawn = _interleaved([len(pool) for pool in pools], weights)
    if rows is not None and len(drawn) < rows:
        notices.append(f"{rows} rows were asked for; caps and weights leave {len(drawn)}")
    drawn = drawn[:rows]
    ids = _unique_ids(sources, pools)
    counts = [0] * len(sources)
    for s, _ in drawn:
        counts[s] += 1
    return Mixed(
        examples=tuple(replace(pools[s][i], id=ids[s][i]) for s, i in drawn),
        sources=tuple(sources[s].name for s, _ in drawn),
        taken=_taken(sources, counts, rejected),
        rejected=tuple(rejection for found in rejected for rejection in found),
        notices=tuple(notices),
    )


def _check(sources: Sequence[Source], rows: int | None) -> None:
    names = [source.name for source in sources]
    problems = [] if sources else ["no sources to mix"]
    problems += [f"two sources are called {name!r}" for name in sorted({n for n in names if names.count(n) > 1})]
    for source in sources:
        if source.weight is not None and not (isfinite(source.weight) and source.weight > 0):
            problems.append(f"source {source.name!r}: weight must be above 0, got {source.weight}")
        if source.cap is not None and source.cap < 1:
            problems.append(f"source {source.name!r}: cap must be 1 row or more, got {source.cap}")
    without = [repr(source.name) for source in sources if source.weight is None]
    if 0 < len(without) < len(sources):
        problems.append(f"sources {', '.join(without)} have no weight, the others have one")
    if rows is not None and rows < 1:
        problems.append(f"rows must be 1 or more, got {rows}")
    if problems:
        raise ConfigError(
            "mixing: " + "\n  ".join(problems),
            fix="correct the sources: names and ids of their own, positive weights for all or for none",
        )


def _pools(sources: Sequence[Source], seed: int, stratify: bool) -> tuple[list[list[Example]], list[list[Rejection]]]:
    """By source: the rows that can be drawn, in the order in which they are, and the rejections."""
    owners: dict[Key, tuple[int, int]] = {}  # pool, and the place in it
    pools: list[list[Example]] = []
    rejected: list[list[Rejection]] = []
    for s, source in enumerate(sources):
        own: list[Example] = []
        refused: list[Rejection] = []
        for example in source.examples:
            if exact_key(example) not in owners:
                own.append(example)
                continue
            owner, place = owners[exact_key(example)]
            kept = pools[owner][place]
            moved = kept.reasoning is None and example.reasoning is not None and example.target == kept.target
            if moved:
                pools[owner][place] = replace(kept, reasoning=example.reasoning)
            refused.append(_rejection(source, example, kept, sources[owner].name, moved=moved))
        pool = [own[i] for i in _order(own, f"{seed}:{source.name}", stratify)[: source.cap]]
        # Only rows that can be drawn displace rows of later sources: what a cap leaves out is no reason to drop a copy.
        for place, example in enumerate(pool):
            owners.setdefault(exact_key(example), (s, place))
        pools.append(pool)
        rejected.append(refused)
    return pools, rejected


def _order(examples: Sequence[Example], seed: str, stratify: bool) -> list[int]:
    if stratify:
        return nested_order(examples, kind=kind_of_examples(examples), seed=seed)
    order = list(range(len(examples)))
    Random(seed).shuffle(order)
    return order


def _rejection(source: Source, example: Example, kept: Example, owner: str, *, moved: bool) -> Rejection:
    conflict = example.target != kept.target
    reason = f"{source.name!r} asks what {kept.origin} ({owner!r}) asks"
    if conflict:
        reason += f", but is labelled {_shown(example.target)} there {_shown(kept.target)}; decide which is right"
    if moved:
        reason += "; its reasoning was handed to that row"
    row: dict[str, Any] = {"source": source.name, "id": example.id, "text": example.text, "target": example.target}
    if example.reasoning is not None:
        row["reasoning"] = example.reasoning
    return Rejection(
        origin=example.origin,
        rule="mix_conflict" if conflict else "mix_duplicate",
        reason=reason,
        row=row,
        partner=kept.origin,
        text=example.text,
    )


def _shown(target: Any) -> str:
    if isinstance(target, tuple):
        spans = [span for span in target if isinstance(span, Span)]
        return ", ".join(f"{span.label} {span.start}-{span.end}" for span in spans) or "no entity"
    return repr(target) if target is None or len(target) <= 60 else repr(target[:60] + "…")


def _weights(sources: Sequence[Source], pools: Sequence[Sequence[Example]], notices: list[str]) -> list[float]:
    """The share of each source; 0 for one without rows, which would otherwise end the mix before it begins."""
    for source, pool in zip(sources, pools, strict=True):
        if not pool:
            notices.append(f"source {source.name!r} has no rows of its own; the others share its part")
    return [
        (float(len(pool)) if source.weight is None else source.weight) if pool else 0.0
        for source, pool in zip(sources, pools, strict=True)
    ]


def _interleaved(sizes: Sequence[int], weights: Sequence[float]) -> list[tuple[int, int]]:
    """(source, rank) in the order of drawing, as Sainte-Laguë's method gives seats to parties: by (rank + ½) / weight.

    Seats already given never change when there are more of them, so mixes nest. Drawing ends where the first source
    is used up, because the shares would not hold behind it.
    """
    last = min((size / weight for size, weight in zip(sizes, weights, strict=True) if weight), default=inf)
    placed = []
    for s, (size, weight) in enumerate(zip(sizes, weights, strict=True)):
        for rank in range(size):
            if (position := (rank + 0.5) / weight) > last:
                break
            placed.append((position, s, rank))
    return [(s, rank) for _, s, rank in sorted(placed)]


def _taken(
    sources: Sequence[Source], counts: Sequence[int], rejected: Sequence[Sequence[Rejection]]
) -> dict[str, Taken]:
    taken = {}
    for source, count, refused in zip(sources, counts, rejected, strict=True):
        rows, duplicates = len(source.examples), len(refused)
        taken[source.name] = Taken(rows, count, duplicates, rows - count - duplicates)
    return taken


def _unique_ids(sources: Sequence[Source], pools: Sequence[Sequence[Example]]) -> list[list[str]]:
    """Ids in the mix: "source/id", with a number where these agree. All that can be drawn has one, drawn or not, so
    that an id does not depend on how many rows are asked for."""
    taken: set[str] = set()
    ids: list[list[str]] = []
    for source, pool in zip(sources, pools, strict=True):
        own = []
        for example in pool:
            name, number = f"{source.name}/{example.id}", 1
            while name in taken:
                number += 1
                name = f"{source.name}/{example.id}#{number}"
            taken.add(name)
            own.append(name)
        ids.append(own)
    return ids
