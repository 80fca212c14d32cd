"""Labels as a set: how many rows each has, which are one label spelled twice, which are offered but never given."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, log

from finetrie.data.labels import count_labels, kind_of_examples
from finetrie.data.quality.findings import LISTED, Finding
from finetrie.records import Example

RARE_ROWS = 10
"""A label with fewer rows can hardly be learned or measured."""

DOMINANT_SHARE = 0.9
SLIP_ROWS = 3
SLIP_SHARE = 0.02
"""A Chinese label that differs in one character is a slip only where it is this rare: 国内 and 国际 are two labels."""

COMPARED_LABELS = 3_000
"""Labels compared by edit distance at most, the most frequent; all are compared by case, width, spaces and marks."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How the rows are spread over the labels."""

    counts: tuple[tuple[str, int], ...]  # (label, rows that bear it), the most frequent first
    largest_share: float | None  # of all labels given, 0 to 1; None without labels
    ratio: float | None  # rows of the largest label / rows of the smallest
    effective: float | None  # exp(entropy): as diverse as so many labels of equal size


def balance(examples: Iterable[Example], *, kind: str | None = None) -> Balance:
    """Rows by label; for entities, rows that hold the label. Free answers have none."""
    rows = list(examples)
    counts = count_labels(rows, kind=kind or kind_of_examples(rows))
    total = sum(counts.values())
    if not total:
        return Balance((), None, None, None)
    shares = [count / total for count in counts.values()]
    return Balance(
        counts=tuple(counts.items()),
        largest_share=max(shares),
        ratio=max(shares) / min(shares),
        effective=exp(-sum(share * log(share) for share in shares)),
    )


def label_findings(examples: Sequence[Example], *, kind: str | None = None) -> tuple[Finding, ...]:
    """Rare and dominant labels, labels spelled in several ways, and what is wrong with lists of candidates."""
    kind = kind or kind_of_examples(examples)
    spread = balance(examples, kind=kind)
    origins = _origins(examples, kind)
    return (
        *uneven_labels(spread, origins, entities=kind == "ner"),
        *similar_labels(dict(spread.counts), origins),
        *candidate_faults(examples),
    )


def uneven_labels(
    spread: Balance, origins: Mapping[str, Sequence[str]] | None = None, *, entities: bool = False
) -> tuple[Finding, ...]:
    """`rare_label`: fewer than `RARE_ROWS` rows, score 1 / rows; `dominant_label`: a share of `DOMINANT_SHARE` or
    more, which is the score. Many entities of one label are no fault."""
    origins = origins or {}
    found = [
        Finding(
            rule="rare_label",
            evidence=f"label {label!r} has {count} row{'s' * (count != 1)}: too few to learn it, or to measure it",
            score=1 / count,
            given=label,
            counts=((label, count),),
            examples=tuple(origins.get(label, ())),
        )
        for label, count in spread.counts
        if count < RARE_ROWS
    ]
    if spread.largest_share is not None and spread.largest_share >= DOMINANT_SHARE and not entities:
        label = spread.counts[0][0]
        found.append(
            Finding(
                rule="dominant_label",
                evidence=f"{spread.largest_share:.1%} of the rows are {label!r}: always saying so would look accurate",
                score=spread.largest_share,
                given=label,
                counts=spread.counts[:LISTED],
                examples=tuple(origins.get(label, ())),
            )
        )
    return tuple(found)


def similar_labels(
    counts: Mapping[str, int], origins: Mapping[str, Sequence[str]] | None = None
) -> tuple[Finding, ...]:
    """Labels that are probably one, with the most frequent as the suggestion. Nothing is merged.

    `same_label`, score 1: equal but for case, width, white space and marks. `near_label`, score 1 - edits / length:
    one letter apart and at least five long ("Sports", "sport"), unless another letter begins or ends them ("type A",
    "type B"); for other scripts only where the rarer one has at most `SLIP_ROWS` rows and `SLIP_SHARE` of the other's.
    Labels with different digits are never near.
    """
    origins = origins or {}
    spelled: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        spelled.setdefault(_core(label) or label, []).append(label)
    found = [
        _one_label("same_label", group, counts, origins, score=1.0, difference=_difference(group))
        for group in spelled.values()
        if len(group) > 1
    ]
    for common, rare in _near(spelled, counts):
        group = [spelled[common][0], spelled[rare][0]]
        score = 1 - 1 / max(len(common), len(rare))
        found.append(_one_label("near_label", group, counts, origins, score=score, difference="one letter"))
    return tuple(found)


def candidate_faults(examples: Sequence[Example]) -> tuple[Finding, ...]:
    """What is wrong with rows that list their own candidate labels.

    Of a row: `label_not_offered` (score 1) and `candidate_repeated` (score 1: two candidates are equal but for case,
    width, spaces and marks). Of the data set: `label_never_offered` (score 1) and `candidate_never_right`, whose score
    is how surprising that is if every candidate were equally often right.
    """
    rows = [e for e in examples if e.options is not None and isinstance(e.target, str)]
    found: list[Finding] = []
    offered: Counter[str] = Counter()
    never: dict[str, float] = {}  # candidate → chance that it is not once the right one
    for example in rows:
        options, given = example.options or (), str(example.target)
        offered.update(set(options))
        for option in set(options):
            never[option] = never.get(option, 1.0) * (1 - 1 / len(options))
        found += _faults_of(example, options, given)
    given_rows = Counter(str(e.target) for e in rows)
    origins = _origins(rows, "classification")
    found += [
        Finding(
            rule="label_never_offered",
            evidence=f"{given_rows[label]} rows are labelled {label!r}, which no list of candidates offers",
            score=1.0,
            given=label,
            suggested=_closest(label, offered),
            counts=((label, given_rows[label]),),
            examples=tuple(origins.get(label, ())),
        )
        for label in sorted(given_rows)
        if label not in offered
    ]
    found += [
        Finding(
            rule="candidate_never_right",
            evidence=f"{option!r} is offered in {offered[option]} rows and never the label",
            score=1 - never[option],
            given=option,
            counts=((option, 0),),
        )
        for option in sorted(offered)
        if option not in given_rows
    ]
    return tuple(found)


def _faults_of(example: Example, options: tuple[str, ...], given: str) -> list[Finding]:
    listed = ", ".join(map(repr, options[:10])) + (f" and {len(options) - 10} more" if len(options) > 10 else "")
    found = []
    if given not in options:
        found.append(
            Finding(
                rule="label_not_offered",
                evidence=f"the label {given!r} is not among the row's candidates: {listed}",
                score=1.0,
                origin=example.origin,
                id=example.id,
                given=given,
                suggested=_closest(given, options),
            )
        )
    if len({_core(option) or option for option in options}) < len(options):
        found.append(
            Finding(
                rule="candidate_repeated",
                evidence=f"two of the row's candidates are the same but for their spelling: {listed}",
                score=1.0,
                origin=example.origin,
                id=example.id,
                given=given,
            )
        )
    return found


def _origins(examples: Iterable[Example], kind: str) -> dict[str, list[str]]:
    """Label → origins of its first rows, in the order of their names."""
    found: dict[str, list[str]] = {}
    for example in examples:
        labels = {example.target} if isinstance(example.target, str) else {s.label for s in example.target or ()}
        for label in labels if kind != "instruction" else ():
            found.setdefault(label, []).append(example.origin)
    return {label: sorted(rows)[:LISTED] for label, rows in found.items()}


def _without_marks(label: str) -> str:
    """Symbols stay: `C++`, `C#` and `C` are three labels."""
    return "".join(c for c in label if c in "#%&@*" or unicodedata.category(c)[0] not in "PC")


_SPELLING: Mapping[str, Callable[[str], str]] = {
    "width": lambda label: unicodedata.normalize("NFKC", label),
    "case": str.casefold,
    "white space": lambda label: "".join(label.split()),
    "marks": _without_marks,
}


def _core(label: str, *, but: str | None = None) -> str:
    """What is left of a label without differences of spelling: `news_edu` and `News Edu` have one core."""
    for name, step in _SPELLING.items():
        label = label if name == but else step(label)
    return label


def _difference(group: Sequence[str]) -> str:
    """What keeps the spellings apart, in words."""
    return " and ".join(name for name in _SPELLING if len({_core(label, but=name) for label in group}) > 1)


def _near(spelled: Mapping[str, Sequence[str]], counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Pairs of spellings one letter apart, the more frequent first."""
    from rapidfuzz.distance import OSA

    rows = {core: sum(counts[label] for label in labels) for core, labels in spelled.items()}
    compared = sorted(rows, key=lambda core: (-rows[core], core))[:COMPARED_LABELS]
    by_length: dict[int, list[str]] = {}
    for core in compared:
        by_length.setdefault(len(core), []).append(core)
    pairs = []
    for length, cores in by_length.items():
        beside = ((a, b) for a in cores for b in by_length.get(length + 1, ()))
        for a, b in (*combinations(cores, 2), *beside):
            if OSA.distance(a, b, score_cutoff=1) == 1:
                common, rare = sorted((a, b), key=lambda core: (-rows[core], core))
                if _is_slip(common, rare, rows):
                    pairs.append((common, rare))
    return sorted(pairs)


def _is_slip(common: str, rare: str, rows: Mapping[str, int]) -> bool:
    if [c for c in common if c.isdigit()] != [c for c in rare if c.isdigit()]:
        return False
    shorter = min(len(common), len(rare))
    if common.isascii() and rare.isascii():
        numbered = common[1:] == rare[1:] or common[:-1] == rare[:-1]  # "type A" and "type B", "B-LOC" and "I-LOC"
        return shorter >= 5 and not (numbered and len(common) == len(rare))
    return shorter >= 2 and rows[rare] <= min(SLIP_ROWS, SLIP_SHARE * rows[common])


def _one_label(
    rule: str,
    group: Sequence[str],
    counts: Mapping[str, int],
    origins: Mapping[str, Sequence[str]],
    *,
    score: float,
    difference: str,
) -> Finding:
    ordered = sorted(group, key=lambda label: (-counts[label], label))
    listed = ", ".join(f"{label!r} ({counts[label]} rows)" for label in ordered)
    return Finding(
        rule=rule,
        evidence=f"labels {listed} differ only in {difference}",
        score=score,
        given=ordered[-1],
        suggested=ordered[0],
        counts=tuple((label, counts[label]) for label in ordered),
        examples=tuple(origin for label in reversed(ordered) for origin in origins.get(label, ()))[:LISTED],
    )


def _closest(label: str, known: Iterable[str]) -> str | None:
    """The known label that is spelled most alike; None where none is."""
    from rapidfuzz.distance import OSA

    def alike(other: str) -> tuple[float, float]:
        return OSA.normalized_similarity(_core(label), _core(other)), OSA.normalized_similarity(label, other)

    best = max(sorted(known), key=alike, default=None)
    return best if best is not None and alike(best)[0] >= 0.75 else None
