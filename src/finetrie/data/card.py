"""The data card: what is in a split, in numbers that a person checks before training on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import ceil
from typing import Any

from finetrie.data.keys import by_key, exact_key
from finetrie.data.labels import count_labels, kind_of_examples
from finetrie.data.language import language
from finetrie.data.splits import Split
from finetrie.records import Example, Rejection, Span

LISTED = 50
"""Duplicates and conflicts listed with their origins; all of them are counted."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def card(split: Split, rejected: Iterable[Rejection] = (), *, kind: str | None = None) -> dict[str, Any]:
    """Facts about a split as plain JSON values.

    Args:
        rejected: rows refused while reading; those of `split.rejected` are counted with them.
        kind: "classification", "ner" or "instruction"; None: what the targets show.

    Returns:
        `rows`: rows per part; `labels`: label → rows per part (classification); `entities`: label → entities per
        part, and `rows_without_entities` (ner); `length`: characters per part; `language`: "zh" or "en";
        `duplicates`: rows beyond the first of each group that asks exactly the same within a part; `conflicts`:
        groups that ask the same with different targets, over all parts; `overlap`: rows of the first part whose text
        also stands in the second; `rejected`: rows by rule; `notices`. Lists hold at most 50 items beside the count.
    """
    parts = {"train": split.train, "dev": split.dev, "test": split.test}
    everything = [example for rows in parts.values() for example in rows]
    kind = kind or kind_of_examples(everything)
    facts: dict[str, Any] = {
        "kind": kind,
        "language": language(example.text for example in everything),
        "rows": {name: len(rows) for name, rows in parts.items()},
    }
    if kind == "classification":
        facts["labels"] = {name: count_labels(rows, kind=kind) for name, rows in parts.items()}
    if kind == "ner":
        facts["entities"] = {name: count_entities(rows) for name, rows in parts.items()}
        facts["rows_without_entities"] = {name: sum(not row.target for row in rows) for name, rows in parts.items()}
    facts["length"] = {
        "unit": "characters",
        **{name: lengths(example.text for example in rows) for name, rows in parts.items()},
    }
    facts["duplicates"] = {name: duplicates(rows) for name, rows in parts.items()}
    facts["conflicts"] = conflicts(parts)
    facts["overlap"] = {f"{a}_{b}": overlap(parts[a], parts[b]) for a, b in combinations(parts, 2)}
    removed = [*rejected, *split.rejected]
    by_rule = Counter(rejection.rule for rejection in removed)
    facts["rejected"] = {"count": len(removed), "by_rule": dict(by_rule.most_common())}
    facts["notices"] = list(split.notices)
    return facts


def count_entities(examples: Iterable[Example]) -> dict[str, int]:
    """Label → entities, the most frequent first."""
    counts = Counter(span.label for row in examples if isinstance(row.target, tuple) for span in row.target)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def lengths(texts: Iterable[str]) -> dict[str, float] | None:
    """Characters (code points) a text: the ends, the mean and quantiles (nearest rank: an observed length)."""
    ordered = sorted(len(text) for text in texts)
    if not ordered:
        return None
    summary: dict[str, float] = {"min": ordered[0], "max": ordered[-1], "mean": round(sum(ordered) / len(ordered), 1)}
    return summary | {f"p{round(q * 100)}": ordered[ceil(q * len(ordered)) - 1] for q in QUANTILES}


def duplicates(examples: Sequence[Example]) -> dict[str, Any]:
    """Rows that repeat an earlier one: how many, and the origins of the first 50 groups."""
    groups = [rows for rows in by_key(examples).values() if len(rows) > 1]
    return {
        "count": sum(len(rows) - 1 for rows in groups),
        "groups": len(groups),
        "examples": [[row.origin for row in rows[:LISTED]] for rows in groups[:LISTED]],
    }


def conflicts(parts: Mapping[str, Sequence[Example]]) -> dict[str, Any]:
    """Groups of rows that ask exactly the same but are labelled differently."""
    part_of = {id(example): name for name, rows in parts.items() for example in rows}
    groups = [
        rows
        for rows in by_key(example for rows in parts.values() for example in rows).values()
        if len({row.target for row in rows}) > 1
    ]
    return {
        "count": len(groups),
        "examples": [
            {
                "text": rows[0].text,
                "rows": [
                    {"origin": row.origin, "part": part_of[id(row)], "target": _plain(row.target)}
                    for row in rows[:LISTED]
                ],
            }
            for rows in groups[:LISTED]
        ],
    }


def overlap(first: Sequence[Example], second: Sequence[Example]) -> int:
    """Rows of `first` that ask exactly what a row of `second` asks."""
    keys = {exact_key(example) for example in second}
    return sum(exact_key(example) in keys for example in first)


def _plain(target: Any) -> Any:
    if not isinstance(target, tuple):
        return target
    return [{"start": s.start, "end": s.end, "label": s.label} for s in target if isinstance(s, Span)]
