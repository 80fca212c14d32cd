"""The protocol of a recipe, and what is wrong with an answer whatever was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from finetrie.data.language import language
from finetrie.data.synthesis.prompts import Template
from finetrie.records import Example, Message


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an answer makes no row, or a row no question."""

    rule: str  # machine-readable: "out_of_label_set", "not_verbatim", "language", ...
    reason: str  # for a person: what was found


class Recipe(Protocol):
    """What is asked about a row, and what makes the answer a new one.

    Laws: nothing here raises for any text or answer; `messages` and `accept` depend on their arguments only, so that
    a repeated run writes the same rows; what `accept` returns keeps the id and origin of the example it was given.
    """

    @property
    def name(self) -> str:
        """Says in provenance what was done."""

    @property
    def suffix(self) -> str:
        """Ends the ids of rows that stand beside their source; "" where the new row takes its source's place."""

    @property
    def prompt(self) -> Template:
        """The words of the question; their hash is kept with every row."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Request parameters that suit the question, such as the temperature; the client's own ones win."""

    def unsuitable(self, example: Example) -> Refused | None:
        """Why this row cannot be asked about; nothing is sent for it then."""

    def messages(self, example: Example) -> list[Message]:
        """The conversation that asks about a suitable row."""

    def accept(self, example: Example, answer: str) -> Example | Refused:
        """The new row, or what is wrong with the answer. `answer` holds more than white space."""


_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "《": "》"}

_DECLINES = re.compile(
    r"(?:非常|很)?(?:抱歉|对不起)|作为(?:一个|一名)?(?:人工智能|AI|语言模型)|我(?:无法|不能)(?:完成|提供|回答|改写|满足)"
    r"|(?:I['’]m|I am) (?:sorry|unable|not able)|Sorry,|I apologi[sz]e|I can(?:no|['’])t |As an AI\b",
    flags=re.IGNORECASE,
)
_HEADS = re.compile(
    r"(?:好的|当然)[，,!！]?.{0,20}[:：]|(?:以下|下面)是.{0,20}[:：]|(?:改写|提问|问题|指令|文本).{0,6}[:：]"
    r"|(?:sure|certainly|of course)[,!.].{0,60}:|here(?: is|['’]s) .{0,60}:"
    r"|(?:paraphrased?|rewritten|question|instruction|text)(?: \w+){0,2}:",
    flags=re.IGNORECASE,
)


def unquoted(words: str) -> str:
    """Without surrounding white space and one pair of quotes around everything."""
    words = words.strip()
    if len(words) >= 2 and _QUOTES.get(words[0]) == words[-1] and words[-1] not in words[1:-1]:
        return words[1:-1].strip()
    return words


def free_text(source: str, answer: str) -> str | Refused:
    """A free answer about `source` without quotes around it, or why it is none.

    Models decline, announce what they are about to write, or fall into another language. A beginning that the source
    has as well is no sign of either.
    """
    words = unquoted(answer) if unquoted(source) == source.strip() else answer.strip()
    if not words:
        return Refused("empty", "the answer holds no text")
    if _DECLINES.match(words) and not _DECLINES.match(source.strip()):
        return Refused("declined", f"the model declines: {shown(words)}")
    if _HEADS.match(words) and not _HEADS.match(source.strip()):
        return Refused("heading", f"the answer begins with a heading: {shown(words)}")
    spoken, written = language([source]), language([words])
    if spoken != written and any(character.isalpha() for character in source):
        return Refused("language", f"the text is {_NAMES[spoken]}, the answer {_NAMES[written]}")
    return words


_NAMES = {"zh": "Chinese", "en": "not Chinese"}


def shown(words: str, length: int = 40) -> str:
    """The beginning of some words, for a message."""
    return repr(words if len(words) <= length else words[:length] + "…")
