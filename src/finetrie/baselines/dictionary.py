"""Entities looked up: what was an entity in the training rows is one wherever it is written again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker, found_entities
from finetrie.errors import ConfigError
from finetrie.records import Example, Prediction, Span
from finetrie.tasks.base import Task

ROUNDS = 5
"""Words that leave the dictionary give others their place, so reliability is measured again; it settles at once."""


@BASELINES.register("dictionary")
@dataclass(frozen=True)
class Dictionary:
    """Looks up the training entities, the longest first, each with its commonest label.

    A word stays in the dictionary when at least `reliable` of the places where it would be found in the training
    texts are entities with that label. So a single character that is mostly part of other words is left out.
    """

    reliable: float = 0.5

    name: ClassVar[str] = "dictionary"
    kinds: ClassVar[tuple[str, ...]] = ("ner",)
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 <= self.reliable <= 1:
            raise ConfigError(f"dictionary: reliable: expected a share from 0 to 1, got {self.reliable!r}")

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> FittedDictionary:
        labels: dict[str, Counter[str]] = {}
        for example in train:
            for span in _spans(example):
                labels.setdefault(example.text[span.start : span.end], Counter())[span.label] += 1
        # of labels that are equally common, the first of the task's
        entries = {
            words: max(task.labels, key=lambda label, counts=counts: counts[label])  # type: ignore[misc]
            for words, counts in labels.items()
            if words.strip()
        }
        known = len(entries)
        for _ in range(ROUNDS):
            unreliable = self._unreliable(train, entries)
            if not unreliable:
                break
            entries = {words: label for words, label in entries.items() if words not in unreliable}
        facts = {
            "trainable": 0,
            "entries": len(entries),
            "unreliable": known - len(entries),
            "with_several_labels": sum(len(counts) > 1 for counts in labels.values()),
        }
        return FittedDictionary(_automaton(entries), task, facts)

    def _unreliable(self, train: Sequence[Example], entries: Mapping[str, str]) -> set[str]:
        automaton, found, right = _automaton(entries), Counter[str](), Counter[str]()
        for example in train:
            gold = set(_spans(example))
            for span in look_up(automaton, example.text):
                words = example.text[span.start : span.end]
                found[words] += 1
                right[words] += span in gold
        return {words for words, count in found.items() if right[words] < self.reliable * count}


@dataclass(frozen=True)
class FittedDictionary:
    """Words and their labels, ready to be looked up."""

    automaton: Any
    task: Task[Any]
    facts: Mapping[str, Any]

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        for example in examples:
            yield found_entities(example, look_up(self.automaton, example.text), self.task)


def look_up(automaton: Any, text: str) -> list[Span]:
    """The words of the dictionary in a text, from left to right; of words that begin together, the longest.

    Words of letters and digits that are written with spaces are not found inside longer ones.
    """
    longest: dict[int, tuple[int, str]] = {}
    for last, (length, label) in automaton.iter(text) if len(automaton) else ():
        start, end = last + 1 - length, last + 1
        if end > longest.get(start, (0, ""))[0] and not _inside_word(text, start, end):
            longest[start] = end, label
    spans: list[Span] = []
    for start in sorted(longest):
        if not spans or start >= spans[-1].end:
            spans.append(Span(start, longest[start][0], longest[start][1]))
    return spans


def _inside_word(text: str, start: int, end: int) -> bool:
    return _joined(text, start) or _joined(text, end)


def _joined(text: str, at: int) -> bool:
    """Whether a word of an alphabet goes on across a place in the text."""
    around = text[max(at - 1, 0) : at + 1]
    return len(around) == 2 and at > 0 and all(one.isalnum() and one < "\u0e00" for one in around)


def _automaton(entries: Mapping[str, str]) -> Any:
    from ahocorasick import Automaton  # type: ignore[import-untyped, import-not-found, unused-ignore]

    automaton = Automaton()
    for words, label in entries.items():
        automaton.add_word(words, (len(words), label))
    automaton.make_automaton()
    return automaton


def _spans(example: Example) -> tuple[Span, ...]:
    return example.target if isinstance(example.target, tuple) else ()
