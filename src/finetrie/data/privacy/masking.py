"""Masking an example: the same surrogate for the same person in its text, instruction, history and answer."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from finetrie.data.edits import Edit, apply, rebase
from finetrie.data.language import language
from finetrie.data.privacy.entities import EntityModel
from finetrie.data.privacy.finding import Allowed, Finding, find_personal_data
from finetrie.data.privacy.kinds import ALL
from finetrie.data.privacy.surrogates import Style, Surrogates
from finetrie.data.privacy.widths import half_width
from finetrie.records import Example, Message, Span


@dataclass(frozen=True, slots=True)
class Change:
    """One stretch of a row that was replaced. It holds the shape of the value, never the value."""

    origin: str
    field: str  # "text", "instruction", "reasoning", "target" or "history.0"
    rule: str  # "personal_data.mobile"
    start: int  # in the field as it was, in code points
    end: int
    new: str  # the surrogate
    shape: str  # digits as 9, capitals as A, small letters as a, other letters as 字
    checked: bool


@dataclass(frozen=True, slots=True)
class Masked:
    """An example without personal data, and everything that was done to it."""

    example: Example
    edits: tuple[Edit, ...]  # of the text
    changes: tuple[Change, ...]  # of all fields, in the order they are read
    destroyed: tuple[Span, ...]  # entities of the text as it was that an edit cut in two, or swallowed


def mask(
    example: Example,
    *,
    kinds: Collection[str] = ALL,
    allow: Iterable[Allowed] = (),
    entities: EntityModel | None = None,
    style: Style = "tag",
    labels: Collection[str] = (),
) -> Masked:
    """The example with a surrogate in place of every finding.

    What one field shows to be personal is personal in all of them: a record number that the text calls so is also
    replaced in an answer that only repeats it. Entity offsets follow the edits. A target that is one of the row's
    options or of `labels` is a class and stays.

    Args:
        kinds, allow, entities: as in `find_personal_data`.
        style: "tag" or "fake", see `Surrogates`.
        labels: the classes of the data set.
    """
    fields = _texts(example, labels)
    found = {
        name: find_personal_data(text, kinds=kinds, allow=allow, entities=entities) for name, text in fields.items()
    }
    found = _repeated(fields, found)
    surrogates = Surrogates(tuple(fields.values()), language=_language(fields, found), style=style)
    edits = {
        name: tuple(Edit(finding.start, finding.end, surrogates.of(finding)) for finding in findings)
        for name, findings in found.items()
        if findings
    }
    changes = (
        Change(example.origin, name, f"personal_data.{f.kind}", f.start, f.end, edit.new, shape(f.value), f.checked)
        for name in edits
        for f, edit in zip(found[name], edits[name], strict=True)
    )
    spans = example.target if isinstance(example.target, tuple) else ()
    moved = rebase(spans, edits.get("text", ()))
    destroyed = tuple(span for span, new in zip(spans, moved, strict=True) if new is None)
    return Masked(_edited(example, fields, edits, moved), edits.get("text", ()), tuple(changes), destroyed)


def mask_text(
    text: str,
    *,
    kinds: Collection[str] = ALL,
    allow: Iterable[Allowed] = (),
    entities: EntityModel | None = None,
    style: Style = "tag",
) -> str:
    """A text that belongs to no row, such as a line of a record, with a surrogate in place of every finding."""
    return mask(Example("", text, None, ""), kinds=kinds, allow=allow, entities=entities, style=style).example.text


def shape(value: str) -> str:
    """How a value is built, without telling it: `138-0013` is `999-9999`."""
    return "".join(_shape_of(character) for character in value)


def _shape_of(character: str) -> str:
    if character.isdecimal():
        return "9"
    if character.isascii() and character.isalpha():
        return "A" if character.isupper() else "a"
    return "字" if character.isalnum() else character


def _texts(example: Example, labels: Collection[str]) -> dict[str, str]:
    """The texts of a row by field, in the order a model reads them."""
    texts = {f"history.{i}": message["content"] for i, message in enumerate(example.history)}
    if example.instruction is not None:
        texts["instruction"] = example.instruction
    texts["text"] = example.text
    if example.reasoning is not None:
        texts["reasoning"] = example.reasoning
    if isinstance(example.target, str) and example.target not in (*(example.options or ()), *labels):
        texts["target"] = example.target
    return texts


def _edited(
    example: Example, fields: Mapping[str, str], edits: Mapping[str, tuple[Edit, ...]], moved: list[Span | None]
) -> Example:
    if not edits:
        return example
    new = {name: apply(text, edits.get(name, ())) for name, text in fields.items()}
    history = tuple(
        Message(role=message["role"], content=new[f"history.{i}"]) for i, message in enumerate(example.history)
    )
    target = example.target
    if isinstance(target, tuple):
        target = tuple(span for span in moved if span is not None)
    return replace(
        example,
        text=new["text"],
        target=new.get("target", target),
        instruction=new.get("instruction"),
        reasoning=new.get("reasoning"),
        history=history,
    )


def _language(fields: Mapping[str, str], found: Mapping[str, tuple[Finding, ...]]) -> str:
    """The language of what is not personal: a mail address has words, but makes no Chinese row an English one."""
    rest = (apply(text, [Edit(f.start, f.end, " ") for f in found[name]]) for name, text in fields.items())
    return language(rest)


def _repeated(fields: Mapping[str, str], found: Mapping[str, tuple[Finding, ...]]) -> dict[str, tuple[Finding, ...]]:
    """The findings, and in every field the literal repetitions of values that only a word nearby or a model gave
    away. What passes a check of its own is found wherever it stands."""
    values: dict[str, Finding] = {}
    for finding in (f for findings in found.values() for f in findings if not f.checked and len(f.value) > 1):
        values.setdefault(half_width(finding.value), finding)
    if not values:
        return dict(found)
    lengths: dict[str, set[int]] = {}
    for value in values:
        lengths.setdefault(value[:2], set()).add(len(value))
    return {name: _with_repetitions(text, found[name], values, lengths) for name, text in fields.items()}


def _with_repetitions(
    text: str, found: tuple[Finding, ...], values: Mapping[str, Finding], lengths: Mapping[str, set[int]]
) -> tuple[Finding, ...]:
    half = half_width(text)
    merged = list(found)
    gaps = zip((0, *(f.end for f in found)), (*(f.start for f in found), len(text)), strict=True)
    for gap in gaps:
        for start, end in _occurrences(half, *gap, values, lengths):
            merged.append(replace(values[half[start:end]], start=start, end=end, value=text[start:end]))
    return tuple(sorted(merged, key=lambda finding: finding.start))


def _occurrences(
    text: str, start: int, stop: int, values: Container[str], lengths: Mapping[str, set[int]]
) -> Iterator[tuple[int, int]]:
    """Whole occurrences in `text[start:stop]`, the longest at each place, from left to right; `lengths`: of the
    values by their first two characters."""
    position = start
    while position < stop - 1:
        ends = (position + length for length in lengths.get(text[position : position + 2], ()))
        whole = (end for end in ends if end <= stop and text[position:end] in values and _is_whole(text, position, end))
        end = max(whole, default=None)
        if end is not None:
            yield position, end
        position = end or position + 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether no ASCII letter or digit goes on at a border: `1234` is not a part of `12345`."""
    return not (_joins(text[start - 1 : start], text[start]) or _joins(text[end - 1], text[end : end + 1]))


def _joins(left: str, right: str) -> bool:
    return all(c.isascii() and c.isalnum() for c in (left, right))
