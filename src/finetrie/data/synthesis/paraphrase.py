"""A labelled text in other words: the label stays, and entities keep their words and get new offsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from finetrie.data.synthesis.mentions import occurrences
from finetrie.data.synthesis.prompts import DEFAULTS, Language, Template
from finetrie.data.synthesis.recipe import Refused, free_text, shown
from finetrie.records import Example, Message, Span

_NO_WORDS: dict[Language, str] = {"zh": "（无）", "en": "(none)"}
_BETWEEN: dict[Language, str] = {"zh": "、", "en": ", "}


@dataclass(frozen=True)
class Paraphrase:
    """The text in other words. `target`, `instruction`, `options` and `history` stay as they are.

    The offsets of entities can be found again without doubt only where every occurrence of their words in the text is
    marked, and alike. Other rows are unsuitable. The new text must have each of these words, no more often than the
    old one; then each occurrence is marked as it was.
    """

    language: Language = "zh"  # of the prompt
    template: Template | None = None  # None: the default in this language
    shortest: float = 0.4  # length in characters, relative to the text
    longest: float = 2.5

    name: ClassVar[str] = "paraphrase"
    suffix: ClassVar[str] = "paraphrase"
    parameters: ClassVar[Mapping[str, Any]] = {"temperature": 0.9, "max_tokens": 2048}

    def __post_init__(self) -> None:
        self.prompt.check(("text", "keep"))

    @property
    def prompt(self) -> Template:
        return self.template or DEFAULTS[self.name, self.language]

    def unsuitable(self, example: Example) -> Refused | None:
        if not example.text.strip():
            return Refused("empty_text", "the row has no text to rewrite")
        marks = _marks(example)
        return marks if isinstance(marks, Refused) else None

    def messages(self, example: Example) -> list[Message]:
        marks = _marks(example)
        words = () if isinstance(marks, Refused) else marks
        return self.prompt.messages(
            text=example.text, keep=_BETWEEN[self.language].join(words) or _NO_WORDS[self.language]
        )

    def accept(self, example: Example, answer: str) -> Example | Refused:
        text = free_text(example.text, answer)
        if isinstance(text, Refused):
            return text
        if _letters(text) == _letters(example.text):
            return Refused("unchanged", "the answer is the text itself")
        ratio = len(text) / len(example.text.strip())
        if not self.shortest <= ratio <= self.longest:
            return Refused(
                "wrong_length", f"{ratio:.2f} times as long as the text; {self.shortest:g} to {self.longest:g} is usual"
            )
        spans = _again(example, text)
        if isinstance(spans, Refused):
            return spans
        return replace(example, text=text, target=example.target if spans is None else spans)


def _again(example: Example, text: str) -> tuple[Span, ...] | Refused | None:
    """The spans of `example` in its new text; None where the row has no entities to follow."""
    if not isinstance(example.target, tuple):
        return None
    marks = _marks(example)
    if isinstance(marks, Refused):
        return marks
    before, places = _count(example.text, marks), _places(text, marks)
    after = Counter(text[start:end] for start, end in places)
    for surface in marks:
        if not 1 <= after[surface] <= before[surface]:
            return Refused(
                "entity_lost" if not after[surface] else "entity_added",
                f"{shown(surface)} occurs {before[surface]} times in the text, {after[surface]} times in the answer",
            )
    return tuple(
        Span(start + mark.start, start + mark.end, mark.label)
        for start, end in places
        for mark in marks[text[start:end]]
    )


def _marks(example: Example) -> dict[str, tuple[Span, ...]] | Refused:
    """Surface of each outermost entity → what is marked in it, relative to its start; why it cannot be told, else."""
    if not isinstance(example.target, tuple):
        return {}
    groups: list[list[Span]] = []
    for span in sorted(set(example.target), key=lambda span: (span.start, -span.end, span.label)):
        if not groups or span.start >= groups[-1][0].end:
            groups.append([span])
        elif span.end <= groups[-1][0].end:
            groups[-1].append(span)
        else:
            return Refused("overlapping", f"the entities at {groups[-1][0].start} and {span.start} overlap")
    marks: dict[str, tuple[Span, ...]] = {}
    for group in groups:
        start, end = group[0].start, group[0].end
        inner = tuple(Span(span.start - start, span.end - start, span.label) for span in group)
        if marks.setdefault(example.text[start:end], inner) != inner:
            return Refused("two_labels", f"{shown(example.text[start:end])} is marked in two ways in this text")
    marked = Counter(example.text[group[0].start : group[0].end] for group in groups)
    found = _count(example.text, marks)
    for surface in marks:
        if found[surface] != marked[surface]:
            return Refused(
                "partly_marked", f"{shown(surface)} stands {found[surface]} times in the text, {marked[surface]} marked"
            )
    return marks


def _count(text: str, surfaces: Collection[str]) -> Counter[str]:
    return Counter(text[start:end] for start, end in _places(text, surfaces))


def _places(text: str, surfaces: Collection[str]) -> Sequence[tuple[int, int]]:
    """Where the surfaces stand, in text order; longer ones choose first, and none overlap."""
    taken: list[tuple[int, int]] = []
    for surface in sorted(surfaces, key=lambda surface: (-len(surface), surface)):
        for start, end in occurrences(text, surface):
            if all(end <= low or high <= start for low, high in taken):
                taken.append((start, end))
    return sorted(taken)


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
