"""Conversations as rows: the last answer is the target, what it answers is the text, the rest is history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetrie.data.columns import values
from finetrie.data.formats.base import (
    ALL_KINDS,
    NESTED,
    TABLES,
    Asked,
    Columns,
    Draft,
    Row,
    Shape,
    Unrecognised,
    WrongKind,
    keeps_columns,
    more_than_half,
)
from finetrie.data.formats.fields import cell, from_json_text, own_text
from finetrie.data.formats.reasoning import COLUMN, NAMES, apart, reasoning_of
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow
from finetrie.errors import suggest
from finetrie.records import Example, Message


def conversation(turns: Sequence[Message], kind: str, *, labelled: bool, reasoning: str | None = None) -> Draft:
    """What a conversation asks last, and its answer; `labelled=False` leaves a last answer out.

    Args:
        reasoning: of the last answer, where it stands apart from it.
    """
    ends_with_answer = bool(turns) and turns[-1]["role"] == "assistant"
    if labelled and not ends_with_answer:
        raise BadRow(
            "empty_target", "the conversation does not end with an answer", fix="add the answer, or delete the row"
        )
    before = turns[:-1] if ends_with_answer else turns
    if not before or before[-1]["role"] != "user":
        raise BadRow(
            "no_question", "the last answer follows no question of the user", fix="add the question, or delete the row"
        )
    text = before[-1]["content"]
    if not text.strip():
        raise BadRow("empty_text", "the last question is empty", fix="fill it in, or delete the row")
    answer = turns[-1]["content"] if labelled else None
    if answer is not None and not answer.strip():
        raise BadRow("empty_target", "the last answer is empty", fix="write the answer, or delete the row")
    if answer is None:
        return Draft(text, None, history=tuple(before[:-1]))
    answer, reasoning = apart(answer, reasoning)
    if kind == "classification":
        answer = answer.strip()
    return Draft(text, answer, history=tuple(before[:-1]), reasoning=reasoning)


def said(example: Example) -> list[Message]:
    """The whole conversation of an example whose target is an answer in words."""
    assert isinstance(example.target, str)
    own: list[Message] = [{"role": "user", "content": example.text}, {"role": "assistant", "content": example.target}]
    return [*example.history, *own]


def conversation_kind(asked: Asked, name: str) -> str:
    if asked.kind == "ner":
        raise WrongKind(f"{name} rows hold no entity offsets", fix='set task.kind = "instruction"')
    return asked.kind or "instruction"


@dataclass(frozen=True)
class Chat:
    """A list of turns in one column, each an object that says who speaks and what."""

    name: str
    about: str
    who: str  # the key of the speaker
    what: str  # the key of the words
    roles: Mapping[str, str]  # a speaker as files name it → ours
    speakers: Mapping[str, str]  # ours → as it is written
    column: str  # that is written, and looked for first
    sample_rows: tuple[Row, ...] = field(repr=False)
    rank: int = 15
    containers: frozenset[str] = NESTED | TABLES
    writes: tuple[str, ...] = ("jsonl", "json", "parquet")
    kinds: frozenset[str] = ALL_KINDS
    asks: str | None = "turns"

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        for column in dict.fromkeys((self.column, "conversations", "messages", "conversation", "dialog")):
            if more_than_half([self._fits(value) for value in values(rows, column)]):
                keeps_columns(asked, self.name, text=column, target=column)
                target = column if asked.labelled else None
                return Columns(conversation_kind(asked, self.name), column, target, also=("system", *NAMES))
        raise Unrecognised(
            f'not in the {self.name} format: {self.column!r} must be [{{"{self.who}": ..., "{self.what}": ...}}, ...]',
            fix='set data.format = "auto"',
        )

    def _fits(self, value: Any) -> bool:
        turns = from_json_text(value, "[")
        if not isinstance(turns, list) or not turns:
            return False
        return all(isinstance(turn, dict) and self.who in turn and self.what in turn for turn in turns)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        turns = from_json_text(cell(row, columns.text), "[")
        if not isinstance(turns, list):
            raise BadRow(
                "wrong_type",
                f"{columns.text!r} must be a list of turns, got {kind_of(turns)}",
                fix=f'write [{{"{self.who}": ..., "{self.what}": ...}}, ...]',
            )
        messages = [self._message(turn, number) for number, turn in enumerate(turns, start=1)]
        if (system := own_text(row, "system")) is not None and "system" in columns.also:
            messages.insert(0, {"role": "system", "content": system})
        told = self._reasoning(row, turns, columns) if labelled else None
        return conversation(messages, columns.kind, labelled=labelled, reasoning=told)

    def _reasoning(self, row: Row, turns: Sequence[Row], columns: Columns) -> str | None:
        """What stands in a column of its own, or in the last turn as services answer it."""
        told = reasoning_of(row, [name for name in NAMES if name in columns.also])
        return reasoning_of(turns[-1]) if told is None and turns else told

    def _message(self, turn: Any, number: int) -> Message:
        if not isinstance(turn, dict) or self.who not in turn or self.what not in turn:
            raise BadRow(
                "wrong_type",
                f"turn {number} must have {self.who!r} and {self.what!r}, got {kind_of(turn)}",
                fix=f'write {{"{self.who}": "{self.speakers["user"]}", "{self.what}": ...}}',
            )
        speaker, words = turn[self.who], turn[self.what]
        if not isinstance(speaker, str) or speaker.casefold() not in self.roles:
            known = ", ".join(dict.fromkeys(self.roles))
            near = suggest(speaker, self.roles) if isinstance(speaker, str) else ""
            raise BadRow(
                "unknown_role",
                f"turn {number} is said by {speaker!r}{near} (known: {known})",
                fix="rename the speaker, or take the turn out; calls of tools are not supported",
            )
        if isinstance(words, list) and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in words):
            words = "".join(part["text"] for part in words)
        if not isinstance(words, str):
            raise BadRow(
                "wrong_type",
                f"{self.what!r} of turn {number} must be text, got {kind_of(words)}",
                fix="write what was said as text",
            )
        return {"role": self.roles[speaker.casefold()], "content": words}

    def sample(self) -> Sequence[Row]:
        return self.sample_rows

    def written(self, shape: Shape) -> Columns:
        return Columns("instruction", self.column, self.column, also=(COLUMN,))

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (self.column, COLUMN) if shape.reasoning else (self.column,)

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        turns = [{self.who: self.speakers[turn["role"]], self.what: turn["content"]} for turn in said(example)]
        yield {self.column: turns} | ({} if example.reasoning is None else {COLUMN: example.reasoning})
