"""Steps applied to an example: its texts change, its entities follow, and every change is a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from finetrie.data.edits import Edit, apply, rebase
from finetrie.records import Example, Message, Span

Rewrite: TypeAlias = Callable[[str], tuple[Edit, ...]]
"""What a step does: the edits of a text, in order and without overlap; none where it stays as it is."""

PARTS = ("text", "instruction", "history", "reasoning", "target")
"""What of an example can be cleaned. `target` is the free answer of instruction data; ask for it there only, because
the same field holds the label of a classified text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, by the name it was asked for. `rule` is what its changes are filed under."""

    name: str
    rewrite: Rewrite
    rule: str = "cleaned"


@dataclass(frozen=True, slots=True)
class Change:
    """What one step did to one text of one row. One line of `changes.jsonl`."""

    origin: str
    rule: str
    step: str
    part: str  # "text", "instruction", "reasoning", "target" or "history[0]"
    before: str
    after: str
    edits: tuple[Edit, ...]  # code points of `before`, in order; neighbours are joined


@dataclass(frozen=True, slots=True)
class LostEntity:
    """An entity that a step destroyed: the row goes on without it. One line of `changes.jsonl`."""

    origin: str
    rule: str  # "entity_destroyed"
    step: str
    entity: Span  # in `before`
    surface: str  # its words in `before`
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An example after its steps, and what they did. The same object as before where they did nothing."""

    example: Example
    changes: tuple[Change, ...]
    lost: tuple[LostEntity, ...]


def clean(example: Example, steps: Sequence[Step], *, parts: Collection[str] = ("text",)) -> Cleaned:
    """Apply the steps in order; entity offsets are re-based after each.

    A text of which nothing is left comes back empty, for a length filter to drop with its reason.

    Args:
        parts: what to clean, of `PARTS`. Entity offsets, labels and options are never taken for text.

    Raises:
        ValueError: an unknown part.
    """
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ValueError(f"parts must be of {', '.join(PARTS)}, got {unknown[0]!r}")
    changes: list[Change] = []
    lost: list[LostEntity] = []
    for step in steps:
        for part, before in list(texts(example, parts)):
            edits = step.rewrite(before)
            if not edits:
                continue
            after = apply(before, edits)
            if part == "text":
                example, destroyed = _rebased(example, edits)
                lost += [
                    LostEntity(
                        example.origin,
                        "entity_destroyed",
                        step.name,
                        span,
                        before[span.start : span.end],
                        before,
                        after,
                    )
                    for span in destroyed
                ]
            example = _with(example, part, after)
            changes.append(Change(example.origin, step.rule, step.name, part, before, after, joined(edits)))
    return Cleaned(example, tuple(changes), tuple(lost))


def joined(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The same change in fewer edits: those that touch become one.

    Steps write one edit a character where they can, so that no edit crosses an entity's border; a reader of
    `changes.jsonl` wants the whole stretch.
    """
    result: list[Edit] = []
    start = end = -1
    parts: list[str] = []
    for edit in edits:
        if edit.start != end:
            if parts:
                result.append(Edit(start, end, "".join(parts)))
            start, parts = edit.start, []
        end = edit.end
        parts.append(edit.new)
    return (*result, Edit(start, end, "".join(parts))) if parts else ()


def texts(example: Example, parts: Collection[str]) -> Iterator[tuple[str, str]]:
    """(part, its text), for the parts that are texts in this row; turns of the history one by one."""
    if "text" in parts:
        yield "text", example.text
    if "instruction" in parts and example.instruction is not None:
        yield "instruction", example.instruction
    if "history" in parts:
        for number, message in enumerate(example.history):
            yield f"history[{number}]", message["content"]
    if "reasoning" in parts and example.reasoning is not None:
        yield "reasoning", example.reasoning
    if "target" in parts and isinstance(example.target, str):
        yield "target", example.target


def _with(example: Example, part: str, text: str) -> Example:
    if part == "text":
        return replace(example, text=text)
    if part == "instruction":
        return replace(example, instruction=text)
    if part == "reasoning":
        return replace(example, reasoning=text)
    if part == "target":
        return replace(example, target=text)
    number = int(part[len("history[") : -1])
    turn = Message(role=example.history[number]["role"], content=text)
    return replace(example, history=(*example.history[:number], turn, *example.history[number + 1 :]))


def _rebased(example: Example, edits: Sequence[Edit]) -> tuple[Example, list[Span]]:
    """The example with its entities where they stand after the edits, and the entities that are gone."""
    if not isinstance(example.target, tuple):
        return example, []
    moved = rebase(example.target, edits)
    gone = [span for span, after in zip(example.target, moved, strict=True) if after is None]
    return replace(example, target=tuple(span for span in moved if span is not None)), gone
