"""Labels that are probably wrong: classes of texts, and labels of entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from finetrie.data.keys import loose_key
from finetrie.data.labels import kind_of_examples
from finetrie.data.quality.confident import (
    Floats,
    Ints,
    confident_joint,
    confident_labels,
    estimated_joint,
    fitted_temperature,
    label_thresholds,
    margins,
    scaled,
)
from finetrie.data.quality.findings import Suspect
from finetrie.data.quality.folds import READ_CHARACTERS, Item, Probabilities, out_of_fold
from finetrie.data.quality.sampling import sampled
from finetrie.records import Example, Span

SURE = 0.9
"""Margin from which a label is listed without being asked for: the suggestion is nine times as probable."""

CONTEXT = 8
"""Characters on each side of an entity that its label is judged by."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """The labels to look at, the most suspicious first, and what the list was drawn from."""

    ranked: tuple[Suspect, ...] = ()
    cut: int = 0  # labels that are listed unless `limit` asks for another number
    estimated: int = 0  # labels that confident learning takes for wrong; too many where the model knows little
    agreement: float | None = None  # share of the judged labels that the model finds most probable; None for none
    labels: int = 0  # all there are; where they are many, a sample was looked at
    judged: int = 0  # labels with probabilities
    unjudged: Mapping[str, int] = field(default_factory=dict)  # label → labels that nothing could be said about
    confusions: tuple[tuple[str, str, int], ...] = ()  # (given, truly, estimated labels), the most frequent first
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """One label of one row, ready to be compared with what a model says."""

    example: Example
    item: Item
    span: Span | None = None


def find_suspects(
    examples: Sequence[Example],
    *,
    kind: str | None = None,
    probabilities: Probabilities | None = None,
    limit: int | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Suspects:
    """Rank the labels that contradict what the other rows teach.

    A row is never judged by a model that has seen its text (letters and digits count, case, width, spaces and marks
    do not). Probabilities are brought to one temperature that fits the labels. Confident learning then estimates how
    many rows of each label are truly another's; listed are as many, those with the largest margins, of which each must
    reach `SURE`. The less the model agrees with the labels (`agreement`), the more of the list is its own mistakes.
    For entities every mention is judged, by its words and `CONTEXT` characters around it. Of very large sets a sample
    of the rows is judged (`quality.sampling`); a notice says how many.

    Args:
        kind: "classification" or "ner"; None: what the targets show. Free answers cannot be judged.
        probabilities: out-of-fold probabilities of a model of your own, a line for each label in the order of the
            rows (for entities: of each row's spans in turn). None: TF-IDF and logistic regression (`out_of_fold`).
        limit: labels to list, however small their margins; None: see above.

    Returns:
        A suspect's `suggested` is one of the row's own options where it has some. The result does not depend on the
        order of `examples`.

    Raises:
        ValueError: `probabilities` do not have a line for each label.
    """
    kind = kind or kind_of_examples(examples)
    if kind == "instruction":
        return Suspects(notices=("free answers have no labels to compare",))
    entities = kind == "ner"
    labels = sum(_count(example, entities) for example in examples)
    chosen = examples
    if probabilities is None:
        chosen = sampled(examples, _size_of_mentions if entities else _size_of_text, seed=seed)
    judged = _mentions(chosen) if entities else _rows(chosen)
    if probabilities is None:
        probabilities = out_of_fold(
            [one.item for one in judged], folds=folds, seed=seed, characters=True if entities else None
        )
    if probabilities.values.shape != (len(judged), len(probabilities.labels)):
        raise ValueError(
            f"probabilities have the shape {probabilities.values.shape}; expected a line for each of {len(judged)} "
            f"labels and a column for each of {len(probabilities.labels)} names"
        )
    column = {label: j for j, label in enumerate(probabilities.labels)}
    rows = [i for i, one in enumerate(judged) if one.item.label in column and not np.isnan(probabilities.values[i, 0])]
    unjudged = Counter(one.item.label for one in judged)
    unjudged.subtract(judged[i].item.label for i in rows)
    found = _ranked(judged, rows, probabilities, column, {k: n for k, n in sorted(unjudged.items()) if n}, limit)
    notices = (_sample_notice(len(judged), labels), *found.notices) if len(chosen) < len(examples) else found.notices
    return replace(found, labels=labels, notices=notices)


def _ranked(
    judged: Sequence[_Judged],
    rows: Sequence[int],
    source: Probabilities,
    column: Mapping[str, int],
    unjudged: Mapping[str, int],
    limit: int | None,
) -> Suspects:
    if not rows or len(column) < 2:
        return Suspects(unjudged=unjudged, notices=source.notices)
    given = np.array([column[judged[i].item.label] for i in rows], dtype=np.int64)
    values = source.values[np.asarray(rows)]
    values = scaled(values, fitted_temperature(values, given))
    values = _among_options(values, [judged[i] for i in rows], given, column)
    margin, best = margins(values, given)
    confident = confident_labels(values, label_thresholds(values, given))
    joint = estimated_joint(
        confident_joint(given, confident, labels=len(column)), np.bincount(given, minlength=len(column))
    )
    off_diagonal = joint * (1 - np.eye(len(column)))
    estimated = round(float(off_diagonal.sum()))
    order = sorted(range(len(rows)), key=lambda at: (-float(margin[at]), *_place(judged[rows[at]])))
    cut = min(estimated, int((margin >= SURE).sum()))
    listed = order[: cut if limit is None else limit]
    partners = _partners(judged, {judged[rows[at]].item.group for at in listed})
    ranked = [
        _suspect(judged[rows[at]], rows[at], source, values[at], int(best[at]), float(margin[at]), partners)
        for at in listed
    ]
    return Suspects(
        ranked=tuple(ranked),
        cut=cut,
        estimated=estimated,
        agreement=float((margin <= 0.5).mean()),
        judged=len(rows),
        unjudged=unjudged,
        confusions=_confusions(off_diagonal, source.labels),
        notices=source.notices,
    )


def _rows(examples: Sequence[Example]) -> list[_Judged]:
    own_instruction = len({example.instruction for example in examples}) > 1
    return [
        _Judged(example, Item((_asked(example, own_instruction),), example.target, _group(example)))
        for example in examples
        if isinstance(example.target, str)
    ]


def _mentions(examples: Sequence[Example]) -> list[_Judged]:
    judged = []
    for example in examples:
        group = _group(example) if example.target else ""
        for span in example.target if isinstance(example.target, tuple) else ():
            fields = (
                example.text[max(0, span.start - CONTEXT) : span.start],
                example.text[span.start : span.end],
                example.text[span.end : span.end + CONTEXT],
            )
            judged.append(_Judged(example, Item(fields, span.label, group), span))
    return judged


def _count(example: Example, entities: bool) -> int:
    """Labels of a row."""
    return len(example.target) if entities and isinstance(example.target, tuple) else isinstance(example.target, str)


def _size_of_text(example: Example) -> int:
    return min(len(example.text), READ_CHARACTERS)


def _size_of_mentions(example: Example) -> int:
    spans = example.target if isinstance(example.target, tuple) else ()
    return sum(span.end - span.start + 2 * CONTEXT for span in spans)


def _sample_notice(judged: int, labels: int) -> str:
    return f"suspects were looked for among {judged} of {labels} labels: a sample that holds rows of every label"


def _asked(example: Example, own_instruction: bool) -> str:
    """What a class is decided by; instructions only where rows have different ones."""
    return f"{example.instruction or ''}\n{example.text}" if own_instruction else example.text


def _group(example: Example) -> str:
    """Equal for texts that are copies of each other, but for marks, case, width and spaces."""
    text = loose_key(example)[0]
    return "".join(filter(str.isalnum, text)) or text


def _place(one: _Judged) -> tuple[str, str, Span]:
    return one.example.origin, one.example.id, one.span or Span(0, 0, "")


def _among_options(values: Floats, judged: Sequence[_Judged], given: Ints, column: Mapping[str, int]) -> Floats:
    """Probabilities over the labels that each row could have been given: its own options, and what it was given."""
    if all(one.example.options is None for one in judged):
        return values
    masks: dict[tuple[str, ...], Floats] = {}
    narrowed: Floats = values.copy()
    for row, one in enumerate(judged):
        options = one.example.options
        if options is None:
            continue
        if options not in masks:
            masks[options] = np.array([label in options for label in column], dtype=values.dtype)
        kept = masks[options].copy()
        kept[given[row]] = 1
        narrowed[row] *= kept
        narrowed[row] /= max(float(narrowed[row].sum()), 1e-12)
    return narrowed


def _partners(judged: Sequence[_Judged], groups: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """(text, label) → origins of the rows in some groups of equal texts; for classes only."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in judged:
        if one.span is None and one.item.group in groups:
            found.setdefault((one.item.group, one.item.label), []).append(one.example.origin)
    return found


def _suspect(
    one: _Judged,
    row: int,
    source: Probabilities,
    values: Floats,
    best: int,
    margin: float,
    partners: Mapping[tuple[str, str], list[str]],
) -> Suspect:
    given, suggested = one.item.label, source.labels[best]
    p_given, p_suggested = float(values[source.labels.index(given)]), float(values[best])
    pieces = source.explain(row, given, suggested) if source.explain else ()
    what = "the text" if one.span is None else repr(one.example.text[one.span.start : one.span.end])
    chances = f"{suggested!r} ({p_suggested:.0%}) rather than {given!r} ({p_given:.0%})"
    evidence = f"judged by the other rows, {what} is {chances}"
    if pieces:
        evidence += f"; for {suggested!r}: {', '.join(map(repr, pieces))}"
    return Suspect(
        id=one.example.id,
        origin=one.example.origin,
        given=given,
        suggested=suggested,
        probability_given=p_given,
        probability_suggested=p_suggested,
        score=margin,
        rule="label_disagreement" if one.span is None else "entity_label_disagreement",
        evidence=evidence,
        span=one.span,
        partner=min(partners.get((one.item.group, suggested), ()), default=None),
    )


def _confusions(off_diagonal: Floats, labels: Sequence[str]) -> tuple[tuple[str, str, int], ...]:
    cells = [
        (given, truly, round(float(off_diagonal[i, j])))
        for i, given in enumerate(labels)
        for j, truly in enumerate(labels)
        if off_diagonal[i, j] >= 0.5
    ]
    return tuple(sorted(cells, key=lambda cell: (-cell[2], cell[0], cell[1])))
