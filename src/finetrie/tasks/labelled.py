"""What tasks with a label set share: the labels, the words for them, and the question that lists these words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from finetrie.errors import ConfigError
from finetrie.records import Message
from finetrie.tasks.names import Names
from finetrie.tasks.wordings import WORDINGS, WRITTEN_IN, Language, Question


@dataclass(frozen=True)
class Labelled:
    """A frozen label set and how to ask about it. Rows with their own `options` list those instead of the labels."""

    labels: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)  # label -> the words the model sees and says
    language: Language = "zh"
    wording: str = "default"
    instruction: str | None = None
    _names: Names = field(init=False, repr=False, compare=False)

    name: ClassVar[str]
    noun: ClassVar[str] = "label"  # what the user calls one of `labels`
    called: ClassVar[Mapping[str, Mapping[str, str]]] = {}  # language -> label -> words where `names` has none

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError(f"task.labels: {self.name} needs at least one {self.noun}")
        WORDINGS.get(self.wording)
        object.__setattr__(self, "language", WRITTEN_IN.get(self.wording, self.language))
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "names", dict(self.names))
        builtin = self.called.get(self.language)
        object.__setattr__(self, "_names", Names(self.labels, self.names, builtin=builtin))

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

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.name,
            "labels": list(self.labels),
            "names": dict(self.names),
            "language": self.language,
            "wording": self.wording,
            "instruction": self.instruction,
        }
