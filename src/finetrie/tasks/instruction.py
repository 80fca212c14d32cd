"""Free answers to instructions, in one turn or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from finetrie.records import Example, Message, Unparsed
from finetrie.tasks.base import TASKS, Ranges, labelled
from finetrie.tasks.wordings import WORDINGS, Language, Question


@TASKS.register("instruction")
@dataclass(frozen=True)
class Instruction:
    """A question with a free answer. The row's `history` holds the turns before it, a system message included.

    Targets are texts without surrounding white space, because that is how answers are read.
    """

    language: Language = "zh"
    wording: str = "default"
    instruction: str | None = None  # for rows without their own
    name: str = field(default="instruction", init=False)
    labels: tuple[str, ...] = field(default=(), init=False)

    closed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        WORDINGS.get(self.wording)

    def messages(
        self,
        text: str,
        *,
        options: Sequence[str] | None = None,
        instruction: str | None = None,
        history: Sequence[Message] = (),
    ) -> list[Message]:
        said = instruction if instruction is not None else self.instruction
        question = Question(self.name, text, options=tuple(options or ()), instruction=said, language=self.language)
        return [*history, *WORDINGS.get(self.wording)(question)]

    def target(self, example: Example) -> str:
        target = labelled(example)
        if not isinstance(target, str):
            raise TypeError(f"{example.origin}: expected a text, got {target!r}")
        return target.strip()

    def clip(self, example: Example, kept: Ranges) -> str:
        """The whole answer: which part of a question it rests on cannot be told."""
        return self.target(example)

    def answer(self, target: str) -> str:
        return target

    def parse(self, completion: str) -> str | Unparsed:
        """The completion without surrounding white space, or `Unparsed` with the reason `empty`."""
        said = completion.strip()
        return said or Unparsed(completion, "empty")

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.name,
            "language": self.language,
            "wording": self.wording,
            "instruction": self.instruction,
        }
