"""The Alpaca form: an instruction, an optional input, the output wanted; earlier turns in `history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.data.columns import look_like_labels, names_in, values
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
    WrongKind,
    keeps_columns,
)
from finetrie.data.formats.fields import answer_of, history_of, label_of, own_text, text_of
from finetrie.data.formats.reasoning import COLUMN, NAMES, apart, reasoning_of
from finetrie.data.rows import BadRow
from finetrie.records import Example, Message

_OTHERS = ("instruction", "input", "output", "system", "history")


class Alpaca:
    """Classification reads `input` as the text; a free instruction without input is itself the text."""

    about = (
        '{"instruction", "input" (may be empty), "output"}, optionally "system", "history": [[asked, answered], ...], '
        '"reasoning"'
    )
    containers = NESTED | TABLES
    rank = 20
    writes = ("json", "jsonl", "csv", "tsv", "xlsx", "parquet")
    kinds = ALL_KINDS
    asks = "apart"

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        names = names_in(rows)
        text = "input" if "input" in names else "instruction"
        keeps_columns(asked, "alpaca", text=text, target="output")
        if "instruction" not in names or "text" in names or (asked.labelled and "output" not in names):
            raise Unrecognised(
                "not in the alpaca format: columns 'instruction' and 'output' are needed",
                fix='set data.format = "auto"',
            )
        if asked.kind == "ner":
            raise WrongKind("alpaca rows hold no entity offsets", fix='set task.kind = "instruction"')
        target = "output" if asked.labelled else None
        return Columns(asked.kind or _kind(rows), text, target, also=(*_OTHERS, *NAMES))

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        system = own_text(row, "system")
        first: tuple[Message, ...] = ({"role": "system", "content": system},) if system is not None else ()
        history = first + history_of(row, "history")
        answer = reasoning = None
        if labelled:
            said = label_of(row, "output") if columns.kind == "classification" else answer_of(row, "output")
            answer, reasoning = apart(said, reasoning_of(row))
        if columns.kind != "classification" and not row.get("input"):
            return Draft(text_of(row, "instruction"), answer, history=history, reasoning=reasoning)
        instruction = own_text(row, "instruction")
        return Draft(text_of(row, "input"), answer, instruction=instruction, history=history, reasoning=reasoning)

    def sample(self) -> Sequence[Row]:
        return (
            {"instruction": "翻译成英文", "input": "你好，世界", "output": "Hello, world"},
            {"instruction": "写一句关于春天的诗", "input": "", "output": "春风又绿江南岸"},
        )

    def written(self, shape: Shape) -> Columns:
        return Columns("instruction", "input", "output", also=(*_OTHERS, COLUMN))

    def header(self, shape: Shape) -> tuple[str, ...]:
        return (*(_OTHERS if shape.history else _OTHERS[:3]), *((COLUMN,) if shape.reasoning else ()))

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        asks_itself = example.instruction is None
        row: dict[str, Any] = {
            "instruction": example.text if asks_itself else example.instruction,
            "input": "" if asks_itself else example.text,
            "output": example.target,
        }
        turns = list(example.history)
        if turns and turns[0]["role"] == "system" and turns[0]["content"].strip():
            row["system"] = turns.pop(0)["content"]
        if [turn["role"] for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
            raise BadRow(
                "unwritable",
                "the earlier turns are not pairs of a question and its answer, as alpaca's 'history' needs them",
                fix="convert to messages or sharegpt, which hold any order of turns",
            )
        if turns:
            row["history"] = [[turns[i]["content"], turns[i + 1]["content"]] for i in range(0, len(turns), 2)]
        if example.reasoning is not None:
            row[COLUMN] = example.reasoning
        yield row


def _kind(rows: Sequence[Row]) -> str:
    """Short outputs that come again, each about an input, are labels."""
    outputs = values(rows, "output")
    about_inputs = all(str(row.get("input") or "").strip() for row in rows)
    repeated = len({str(output) for output in outputs}) < len(outputs)
    return "classification" if about_inputs and repeated and look_like_labels(outputs) else "instruction"


FORMATS.register("alpaca")(Alpaca())
