r"""The conversation form of Chinese Llama recipes: `<s>Human: …\n</s><s>Assistant: …\n</s>` in one column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from finetrie.data.columns import names_in, values
from finetrie.data.formats import FORMATS
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
    keeps_columns,
    more_than_half,
)
from finetrie.data.formats.fields import text_of
from finetrie.data.formats.turns import conversation, conversation_kind, said
from finetrie.data.rows import BadRow
from finetrie.records import Example, Message

_TURN = re.compile(r"\s*<s>\s*(Human|Assistant|System): ?(.*?)\n?</s>", re.DOTALL)
_OPEN_ANSWER = re.compile(r"\s*<s>\s*Assistant:\s*")
_ROLES = {"Human": "user", "Assistant": "assistant", "System": "system"}
_SPEAKERS = {role: speaker for speaker, role in _ROLES.items()}


class HumanAssistant:
    about = r'{"text": "<s>Human: ...\n</s><s>Assistant: ...\n</s>"}, any number of turns; as CSV one column `text`'
    containers = NESTED | TABLES
    rank = 15
    writes = ("jsonl", "csv", "json", "parquet", "xlsx")
    kinds = ALL_KINDS
    asks = "together"  # its readers know two speakers, and no system

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        for column in names_in(rows):
            if more_than_half([begins_a_conversation(value) for value in values(rows, column)]):
                keeps_columns(asked, "human_assistant", text=column, target=column)
                return Columns(conversation_kind(asked, "human_assistant"), column, column if asked.labelled else None)
        raise Unrecognised(
            r"not in the human_assistant format: no column holds '<s>Human: ...\n</s><s>Assistant: ...\n</s>'",
            fix='set data.format = "auto"',
        )

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        return conversation(_turns(text_of(row, columns.text), labelled), columns.kind, labelled=labelled)

    def sample(self) -> Sequence[Row]:
        return (
            {"text": "<s>Human: 你好\n</s><s>Assistant: 你好！\n</s>"},
            {
                "text": "<s>Human: Name a prime.\n</s><s>Assistant: 2\n</s>"
                "<s>Human: Another one.\n</s><s>Assistant: 3\n</s>"
            },
        )

    def written(self, shape: Shape) -> Columns:
        return Columns("instruction", "text", "text")

    def header(self, shape: Shape) -> tuple[str, ...]:
        return ("text",)

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        turns = said(example)
        if any("</s>" in turn["content"] for turn in turns):
            raise BadRow(
                "unwritable",
                "the text holds '</s>', which ends a turn in this format",
                fix="convert to messages or sharegpt instead",
            )
        yield {"text": "".join(f"<s>{_SPEAKERS[turn['role']]}: {turn['content']}\n</s>" for turn in turns)}


def begins_a_conversation(value: object) -> bool:
    return isinstance(value, str) and re.match(r"\s*<s>\s*(Human|Assistant|System):", value) is not None


def _turns(text: str, labelled: bool) -> list[Message]:
    turns: list[Message] = []
    position = 0
    while found := _TURN.match(text, position):
        turns.append({"role": _ROLES[found[1]], "content": found[2]})
        position = found.end()
    rest = text[position:]
    if not rest.strip() or (not labelled and _OPEN_ANSWER.fullmatch(rest)):
        return turns
    if "</s>" not in rest:
        raise BadRow(
            "truncated",
            f"turn {len(turns) + 1} is not closed by '</s>'",
            fix="copy the file again, or delete the row",
        )
    raise BadRow(
        "bad_conversation",
        f"turn {len(turns) + 1} begins with {rest.lstrip()[:30]!r}; expected '<s>Human: ' or '<s>Assistant: '",
        fix=r"write turns as <s>Human: ...\n</s><s>Assistant: ...\n</s>",
    )


FORMATS.register("human_assistant")(HumanAssistant())
