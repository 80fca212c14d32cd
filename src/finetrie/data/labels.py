"""Label names across a data set: which are nearly the same, and whether there are enough of them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from finetrie.errors import DataError
from finetrie.records import Example, Span


def labels_of(example: Example, *, kind: str) -> tuple[str, ...]:
    """The labels one row bears: its class, or the distinct labels of its entities, sorted; none for free answers."""
    if isinstance(example.target, tuple):
        return tuple(sorted({span.label for span in example.target if isinstance(span, Span)}))
    return (example.target,) if kind == "classification" and example.target is not None else ()


def count_labels(examples: Iterable[Example], *, kind: str) -> dict[str, int]:
    """Label → rows that bear it, the most frequent first, equal counts by name."""
    counts = Counter(label for example in examples for label in labels_of(example, kind=kind))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def near_labels(labels: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of labels that differ only in case, width or white space. They are reported, never merged."""
    groups: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        key = "".join(unicodedata.normalize("NFKC", label).casefold().split())
        groups.setdefault(key, []).append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def kind_of_examples(examples: Sequence[Example], default: str = "classification") -> str:
    """What kind of rows these are, as far as the targets show it: tuples of spans are ner, long texts instruction."""
    targets = [example.target for example in examples if example.target is not None]
    if not targets:
        return default
    if isinstance(targets[0], tuple):
        return "ner"
    distinct = len(set(targets))
    return "instruction" if distinct > 20 and distinct * 2 > len(targets) else default


def check_labels(train: Sequence[Example], *, kind: str, where: str = "training data") -> None:
    """Refuse training data that cannot teach a choice; call it after the split.

    Raises:
        DataError: no rows; a classification with fewer than two labels; entity data without an entity.
    """
    if not train:
        raise DataError(where, None, "no training rows are left", fix="see rejected.jsonl for what was removed")
    counts = count_labels(train, kind=kind)
    if kind == "classification" and len(counts) < 2:
        raise DataError(
            where,
            None,
            f"every row has the label {next(iter(counts), '')!r}; classification needs at least two labels",
            fix="check data.target, or add rows of other classes",
        )
    if kind == "ner" and not counts:
        raise DataError(
            where,
            None,
            f"none of {len(train)} rows has an entity",
            fix="check data.target: it names the entities column",
        )
