"""The nouns every stage shares. Frozen, small, and without torch.

example ─▶ prompt ─▶ completion ─▶ prediction, each with the `origin` of the row it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypedDict


class Message(TypedDict):
    """One turn of a conversation, as chat templates take it."""

    role: str  # "system", "user" or "assistant"
    content: str


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A labelled stretch of text: `text[start:end]`, in Unicode code points, end exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """An entity as a model names it: its words and its label, without a position."""

    surface: str
    label: str


Target: TypeAlias = "str | tuple[Span, ...]"
"""What a row is labelled with: a label (classification), spans (ner) or a text (instruction)."""


@dataclass(frozen=True, slots=True)
class Example:
    """One text, what it is labelled with, and where it came from."""

    id: str
    text: str
    target: Target | None  # None: an unlabelled row, only for prediction
    origin: str  # "train.jsonl:17"; every error and report about this example shows it
    options: tuple[str, ...] | None = None  # this row's own candidate labels; None: the task's label set
    instruction: str | None = None  # this row's own instruction; None: the task's
    history: tuple[Message, ...] = ()  # earlier turns of a conversation, oldest first
    reasoning: str | None = None  # the chain of thought that leads to the target; kept beside it, never in a prompt
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False)  # the row's other columns, where asked for


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was removed, and why. One line of `rejected.jsonl`."""

    origin: str
    rule: str  # machine-readable: "bad_json", "missing_field", "test_overlap", "too_long", ...
    reason: str  # for a person: what was found and what to do
    row: Any = None  # the row as read: an object, or the raw line when it could not be parsed
    partner: str | None = None  # the origin of the other row, where two rows are involved
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Shortening:
    """What the token budget left of a text."""

    kept: tuple[tuple[int, int], ...]  # half-open code-point ranges of the original text, in order
    characters: int  # length of the original text


@dataclass(frozen=True, slots=True)
class Prompt:
    """One example as tokens, ready to train on or to answer.

    `ids` is the prompt followed, when the row is labelled, by the answer and its end token.
    `supervised[i]` says that token `i` is a target, predicted from the tokens before it.
    """

    id: str
    origin: str
    ids: tuple[int, ...]
    prompt_length: int  # ids[:prompt_length] asks; the model continues from there
    supervised: tuple[bool, ...]  # same length as ids; all False for an unlabelled row
    text: str  # the text as the model sees it, after shortening
    shortening: Shortening | None = None
    messages: tuple[Message, ...] = ()  # the same question for a server with a chat template; where it is to be asked

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        return self.ids[: self.prompt_length]

    @property
    def answer_ids(self) -> tuple[int, ...]:
        """The supervised end of the sequence: the answer and its end token."""
        return self.ids[self.prompt_length :]


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A completion that is not an answer. It is a result to count, not an exception to hide."""

    completion: str
    reason: str


class Outcome(str, Enum):
    """What became of one gold row. Every row has exactly one, so the counts close."""

    CORRECT = "correct"
    WRONG = "wrong"
    OUT_OF_LABEL_SET = "out_of_label_set"  # a readable answer that names something outside the label set
    UNPARSABLE = "unparsable"
    FAILED = "failed"  # the engine gave no answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered for one row. One line of `predictions.jsonl`."""

    id: str
    completion: str
    answer: Any  # label | tuple of Spans | text; None where nothing could be read
    outcome: Outcome | None = None  # None without a gold target
    gold: Any = None
    probability: float | None = None
    probabilities: Mapping[str, float] | None = None
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # alignment tiers, other decodings, reasons
