"""A question is written for an existing text, which becomes its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from finetrie.data.synthesis.prompts import DEFAULTS, Language, Template
from finetrie.data.synthesis.recipe import Refused, free_text
from finetrie.records import Example, Message


@dataclass(frozen=True)
class Question:
    """Instruction data from texts that nobody asked for: `text` becomes the target, the model's question the text.

    The row's earlier turns, instruction and options belong to another question and are left out.
    """

    language: Language = "zh"  # of the prompt
    template: Template | None = None  # None: the default in this language
    longest: int = 300  # characters of a question

    name: ClassVar[str] = "question"
    suffix: ClassVar[str] = "question"
    parameters: ClassVar[Mapping[str, Any]] = {"temperature": 0.7, "max_tokens": 512}

    def __post_init__(self) -> None:
        self.prompt.check(("text",))

    @property
    def prompt(self) -> Template:
        return self.template or DEFAULTS[self.name, self.language]

    def unsuitable(self, example: Example) -> Refused | None:
        return None if example.text.strip() else Refused("empty_text", "the row has no text to ask about")

    def messages(self, example: Example) -> list[Message]:
        return self.prompt.messages(text=example.text)

    def accept(self, example: Example, answer: str) -> Example | Refused:
        question = free_text(example.text, answer)
        if isinstance(question, Refused):
            return question
        if len(question) > self.longest:
            return Refused("too_long", f"{len(question)} characters; a question has at most {self.longest}")
        if example.text.strip() in question:
            return Refused("gives_answer", "the question holds the whole text, which should be its answer")
        answer = example.text.strip()
        return replace(
            example, text=question, target=answer, options=None, instruction=None, history=(), reasoning=None
        )
