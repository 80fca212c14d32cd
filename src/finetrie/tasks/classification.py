"""One label a text; the model answers with the label's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetrie.records import Example, Unparsed
from finetrie.tasks.base import TASKS, Ranges, Reason, labelled
from finetrie.tasks.labelled import Labelled


@TASKS.register("classification")
@dataclass(frozen=True)
class Classification(Labelled):
    """Single-label classification over a frozen label set.

    `parse` is strict: the words of one label, and nothing else, up to surrounding space, width and case.
    """

    name: ClassVar[str] = "classification"
    closed: ClassVar[bool] = True

    def target(self, example: Example) -> str:
        target = labelled(example)
        if not isinstance(target, str):
            raise TypeError(f"{example.origin}: expected a label, got {target!r}")
        return target

    def clip(self, example: Example, kept: Ranges) -> str:
        """The whole label: it is about the text as such."""
        return self.target(example)

    def answer(self, target: str) -> str:
        return self._names.words(target)

    def parse(self, completion: str) -> str | Unparsed:
        """The label, or `Unparsed` with the reason `empty` or `out_of_label_set`."""
        label = self._names.label(completion)
        if label is not None:
            return label
        reason: Reason = "out_of_label_set" if completion.strip() else "empty"
        return Unparsed(completion, reason)
