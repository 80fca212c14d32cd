"""One label a text; the model answers with the label's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from finetrie.errors import ConfigError
from finetrie.records import Example, Message, Unparsed
from finetrie.tasks.base import TASKS, Ranges, Reason, labelled
from finetrie.tasks.names import Names
from finetrie.tasks.wordings import WORDINGS, WRITTEN_IN, Language, Question


@TASKS.register("classification")
@dataclass(frozen=True)
class Classification:
    """Single-label classification over a frozen label set.

    Rows with their own `options` list those instead of the labels. `parse` is strict: the words of one label,
    and nothing else, up to surrounding space, width and case.
    """

    labels: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)  # label -> the words the model sees and says
    language: Language = "zh"
    wording: str = "default"
    instruction: str | None = None
    name: str = field(default="classification", init=False)
    _names: Names = field(init=False, repr=False, compare=False)

    closed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError("task.labels: a classification needs at least one label")
        WORDINGS.get(self.wording)
        object.__setattr__(self, "language", WRITTEN_IN.get(self.wording, self.language))
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "names", dict(self.names))
        object.__setattr__(self, "_names", Names(self.labels, self.names))

    def messages(
        self,
        text: str,
        *,
        options: Sequence[str] | None = None,
        instruction: str | None = None,
        history: Sequence[Message] = (),
    ) -> list[Message]:
        words = tuple(self._names.words(label) for label in (self.labels if options is None else options))
        said = instruction if instruction is not None else self.instruction
        question = Question(self.name, text, options=words, instruction=said, language=self.language)
        return [*history, *WORDINGS.get(self.wording)(question)]

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

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.name,
            "labels": list(self.labels),
            "names": dict(self.names),
            "language": self.language,
            "wording": self.wording,
            "instruction": self.instruction,
        }
